import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { buildSchema, findBreakingChanges, isSpecifiedScalarType } from 'graphql';

const read = (path) => readFile(new URL(path, import.meta.url), 'utf8');
const [written, released] = await Promise.all([read('../../schema.graphql'), read('released.graphql')]);

test('every type, field, argument and enum value of the schema has a description', () => {
  assert.deepEqual(undescribed(written), []);
});

test('the schema breaks no client of the last release', () => {
  const changes = breakingChanges(released, written);
  assert.equal(changes.length, 0, `${changes.join('\n')}\n${whatToDo}`);
});

test('a missing description is noticed wherever it is', () => {
  const schema = 'type Query { a(b: C): D } input C { e: Int } enum D { F } union G = Query interface H { i: Int }';
  assert.deepEqual(undescribed(schema).sort(), [
    'C',
    'C.e',
    'D',
    'D.F',
    'G',
    'H',
    'H.i',
    'Query',
    'Query.a',
    'Query.a(b:)',
  ]);
});

test('a change that would break a client is noticed', () => {
  const before = 'type Query { task(id: ID): Status! prompt: String } enum Status { QUEUED DONE }';
  const now = 'type Query { task(id: ID!, wait: Int!): Status } enum Status { QUEUED SUCCEEDED }';
  assert.deepEqual(breakingChanges(before, now).sort(), [
    'A required arg wait on Query.task was added.',
    'DONE was removed from enum type Status.',
    'Query.prompt was removed.',
    'Query.task arg id has changed type from ID to ID!.',
    'Query.task changed type from Status! to Status.',
  ]);
});

const whatToDo =
  'Keep what clients use, mark it @deprecated and add the new beside it. If nobody can be using it, or if this is the ' +
  'release that removes it, say so in CHANGELOG.md and copy schema.graphql into tests/clients/released.graphql.';

function breakingChanges(before, now) {
  return findBreakingChanges(buildSchema(before), buildSchema(now)).map(({ description }) => description);
}

/** Where a description is missing, such as `Query.node(id:)`. */
function undescribed(source) {
  const missing = [];
  const look = (name, { description }) => description?.trim() || missing.push(name);
  const types = Object.values(buildSchema(source).getTypeMap());
  for (const type of types.filter((type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type))) {
    look(type.name, type);
    for (const value of type.getValues?.() ?? []) look(`${type.name}.${value.name}`, value);
    for (const field of Object.values(type.getFields?.() ?? {})) {
      look(`${type.name}.${field.name}`, field);
      for (const arg of field.args ?? []) look(`${type.name}.${field.name}(${arg.name}:)`, arg);
    }
  }
  return missing;
}

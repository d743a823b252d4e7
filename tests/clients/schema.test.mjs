import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { buildSchema, findBreakingChanges, isSpecifiedScalarType } from 'graphql';

const read = (path) => readFile(new URL(path, import.meta.url), 'utf8');
const [current, released] = await Promise.all([read('../../schema.graphql'), read('released.graphql')]);

test('every type, field, argument and enum value of the schema has a description', () => {
  assert.deepEqual(undescribed(current), []);
});

test('the schema has no breaking change since the last release', () => {
  const changes = breakingChanges(released, current).map(({ description }) => description);
  assert.equal(changes.length, 0, `${changes.join('\n')}\n${instructions}`);
});

test('missing descriptions are found on every kind of definition', () => {
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

test('breaking changes are found', () => {
  const before = 'type Query { task(id: ID): Status! prompt: String } enum Status { QUEUED DONE }';
  const now = 'type Query { task(id: ID!, wait: Int!): Status } enum Status { QUEUED SUCCEEDED }';
  const types = breakingChanges(before, now).map(({ type }) => type);
  assert.deepEqual(types.sort(), [
    'ARG_CHANGED_KIND',
    'FIELD_CHANGED_KIND',
    'FIELD_REMOVED',
    'REQUIRED_ARG_ADDED',
    'VALUE_REMOVED_FROM_ENUM',
  ]);
});

const instructions =
  'Keep the old definition, mark it @deprecated, and add the new one. If no client can use the old one, or if this ' +
  'release removes it, note that in CHANGELOG.md and copy schema.graphql to tests/clients/released.graphql.';

function breakingChanges(before, now) {
  return findBreakingChanges(buildSchema(before), buildSchema(now));
}

/** Returns the definitions without a description, for example `Query.node(id:)`. */
function undescribed(source) {
  const missing = [];
  const checkDescription = (name, { description }) => description?.trim() || missing.push(name);
  const types = Object.values(buildSchema(source).getTypeMap());
  for (const type of types.filter((type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type))) {
    checkDescription(type.name, type);
    for (const value of type.getValues?.() ?? []) checkDescription(`${type.name}.${value.name}`, value);
    for (const field of Object.values(type.getFields?.() ?? {})) {
      checkDescription(`${type.name}.${field.name}`, field);
      for (const arg of field.args ?? []) checkDescription(`${type.name}.${field.name}(${arg.name}:)`, arg);
    }
  }
  return missing;
}

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isScalarType,
  isSpecifiedScalarType,
} from 'graphql';

const read = (path) => readFile(new URL(path, import.meta.url), 'utf8');
const [schema, list] = await Promise.all([read('../../schema.graphql'), read('reserved-names.txt')]);
const reserved = sections(list);

const allowed = [
  // Apollo iOS writes the enum value in backticks where it is declared; its use, `.internal`, needs none.
  'enum value FailureCode.INTERNAL',
  // SwiftUI has Image and Swift has Task. Apollo iOS puts object, interface and union types into a namespace, such as
  // `PlantainAPI.Objects.Task`, and the types of an operation into the operation, so that these hide nothing outside.
  // Custom scalars, enums and input objects become types of the whole module: they must not be listed here.
  'output type Image',
  'output type Task',
];

test('generated code hides no name of Swift or Kotlin, except for the known ones', () => {
  assert.deepEqual(clashes(schema), allowed);
});

test('the exceptions contain no custom scalar, enum or input object', () => {
  assert.deepEqual(
    allowed.filter((definition) => /^(scalar|enum|input) \w+$/.test(definition)),
    [],
  );
});

test('clashes are found on every kind of definition', () => {
  const small = `
    scalar URL
    enum Data { DEFAULT NONE OTHER }
    input error { class: Int name: Int }
    interface View { init: URL other(when: Data): Int }
    union Result = Query
    type Query { self: Int name: Int }
  `;
  assert.deepEqual(clashes(small), [
    'argument View.other(when:)',
    'enum Data',
    'enum value Data.DEFAULT',
    'enum value Data.NONE',
    'field Query.self',
    'field View.init',
    'input error',
    'input field error.class',
    'output type Result',
    'output type View',
    'scalar URL',
  ]);
});

/** Returns the definitions whose name in generated code is reserved, for example `field Query.self`. */
function clashes(source) {
  const found = [];
  const check = (section, names, definition) => {
    if (names.some((name) => reserved[section].has(name))) found.push(definition);
  };
  for (const type of Object.values(buildSchema(source).getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue;
    check('types', [capitalized(type.name)], `${kindOf(type)} ${type.name}`);
    for (const { name } of type.getValues?.() ?? []) {
      for (const section of ['keywords', 'enum values']) {
        check(section, [name, camelCase(name)], `enum value ${type.name}.${name}`);
      }
    }
    const kind = isInputObjectType(type) ? 'input field' : 'field';
    for (const { name, args = [] } of Object.values(type.getFields?.() ?? {})) {
      check('keywords', [name], `${kind} ${type.name}.${name}`);
      for (const arg of args) check('keywords', [arg.name], `argument ${type.name}.${name}(${arg.name}:)`);
    }
  }
  return found.sort();
}

/** Returns the kind of a type; generators treat the types of output, which have fields or members, in the same way. */
function kindOf(type) {
  if (isScalarType(type)) return 'scalar';
  if (isEnumType(type)) return 'enum';
  return isInputObjectType(type) ? 'input' : 'output type';
}

/** Both generators write the first letter of a type in upper case. */
function capitalized(name) {
  return name[0].toUpperCase() + name.slice(1);
}

/** Apollo iOS turns `OUT_OF_CREDITS` into `outOfCredits`; Apollo Kotlin keeps it. */
function camelCase(name) {
  return name.toLowerCase().replace(/_+(.)/g, (_, letter) => letter.toUpperCase());
}

/** Returns the names in each section of the list, as sets. */
function sections(text) {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  const [, ...parts] = lines.join('\n').split(/^\[(.+)\]$/m);
  const found = {};
  for (let i = 0; i < parts.length; i += 2) found[parts[i]] = new Set(parts[i + 1].split(/\s+/).filter(Boolean));
  return found;
}

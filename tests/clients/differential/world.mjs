import assert from 'node:assert/strict';
import { getArgumentValues, getNamedType, isAbstractType, isLeafType } from 'graphql';

/** The message of a resolver that must fail. */
export const failure = 'a failing resolver';

/** Nesting of objects below a root field; random documents are not nested deeper. */
export const maxDepth = 5;

/** Fields that change while the test runs. */
const unstable = new Set(['ProviderCredits.checkedAt', 'ProviderCredits.remaining', 'Image.urlExpiresAt', 'Viewer.eventCursor']);

/**
 * What the gateway knows, as a tree: each object has a value for each of its fields and sets of arguments. graphql-js
 * executes documents on it.
 */
export class World {
  #schema;
  #argumentSets;

  /** `argumentSets` has the sets of arguments to try for each field with arguments; with `fails`, its resolver must fail. */
  constructor(schema, argumentSets) {
    this.#schema = schema;
    this.#argumentSets = argumentSets;
  }

  /** The sets of arguments of a field, as `{ text, fails }`. */
  variants(type, field) {
    if (unstable.has(`${type.name}.${field.name}`)) return [];
    return this.#argumentSets[`${type.name}.${field.name}`] ?? [{ text: '' }];
  }

  /** Reads the tree with one query. `execute` returns the data of a query. */
  async load(execute) {
    const query = this.#schema.getQueryType();
    this.root = await execute(`{ ${this.#selections(query, 0, [])} }`);
  }

  /** The resolver of every field. */
  resolve = (source, args, _context, { parentType, fieldName }) => {
    const field = parentType.getFields()[fieldName];
    const index = this.variants(parentType, field).findIndex(({ values }) => same(values ?? {}, args));
    assert.notEqual(index, -1, `unknown arguments of ${parentType.name}.${fieldName}: ${JSON.stringify(args)}`);
    if (this.variants(parentType, field)[index].fails) throw new Error(failure);
    const value = source[key(parentType, fieldName, index)];
    assert.notEqual(value, undefined, `${parentType.name}.${fieldName} is not in the tree`);
    return value;
  };

  typeOf = ({ __typename }) => __typename;

  /** Whether a field is in the tree at this depth, below objects of these types. */
  contains(type, field, depth, ancestors) {
    const fieldType = getNamedType(field.type);
    if (this.variants(type, field).length === 0) return false;
    return isLeafType(fieldType) || (depth < maxDepth && !ancestors.includes(fieldType.name));
  }

  #selections(type, depth, ancestors) {
    const below = [...ancestors, type.name];
    const fields = Object.values(type.getFields?.() ?? {}).filter((field) => this.contains(type, field, depth, below));
    const selections = fields.flatMap((field) => this.#fieldSelections(type, field, depth, below));
    const possible = isAbstractType(type) ? this.#schema.getPossibleTypes(type) : [];
    const fragments = possible.map((each) => `... on ${each.name} { ${this.#selections(each, depth, ancestors)} }`);
    return ['__typename', ...(isAbstractType(type) ? [] : selections), ...fragments].join(' ');
  }

  #fieldSelections(type, field, depth, below) {
    const fieldType = getNamedType(field.type);
    const nested = isLeafType(fieldType) ? '' : ` { ${this.#selections(fieldType, depth + 1, below)} }`;
    const variants = this.variants(type, field).map(({ text, fails }, index) => !fails && `${key(type, field.name, index)}: ${field.name}${text}${nested}`);
    return variants.filter(Boolean);
  }
}

/** Contains the type, because a query must not select different types by the same name. */
const key = (type, fieldName, index) => `${type.name}_${fieldName}_${index}`;

const same = (one, other) => JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));

const sorted = (value) =>
  value && typeof value === 'object' && !Array.isArray(value)
    ? Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]))
    : value;

/** Sets of arguments, given as GraphQL text such as `(first: 2)`. */
export function argumentSets(schema, parse, sets) {
  const read = (path, set) => {
    const [typeName, fieldName] = path.split('.');
    const field = schema.getType(typeName).getFields()[fieldName];
    const { text, fails } = typeof set === 'string' ? { text: set } : set;
    const node = parse(`{ ${fieldName}${text} }`).definitions[0].selectionSet.selections[0];
    const typeOf = (name) => field.args.find((each) => each.name === name).type;
    const list = node.arguments.map(({ name, value }) => ({ name: name.value, type: typeOf(name.value), value }));
    return { text, fails, values: getArgumentValues(field, node), arguments: list };
  };
  return Object.fromEntries(Object.entries(sets).map(([path, list]) => [path, list.map((set) => read(path, set))]));
}

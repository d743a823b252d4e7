import { getNamedType, isAbstractType, isLeafType, print } from 'graphql';

/** Writes random documents for the fields of a world, with aliases, variables, fragments and directives. */
export class Documents {
  #schema;
  #world;
  #random;

  constructor(schema, world, random) {
    this.#schema = schema;
    this.#world = world;
    this.#random = random;
  }

  /** The text of a document and its variables. It may be invalid: the same alias for different fields. */
  next() {
    const draft = { fragments: [], variables: new Map([['yes', ['Boolean!', true]], ['no', ['Boolean!', false]]]) };
    const selections = this.#selectionSet(draft, this.#schema.getQueryType(), 0, []);
    const text = [selections, ...draft.fragments].join('\n');
    const used = [...draft.variables].filter(([name]) => text.includes(`$${name}`));
    const declared = used.map(([name, [type]]) => `$${name}: ${type}`).join(', ');
    const variables = Object.fromEntries(used.map(([name, [, value]]) => [name, value]));
    return { query: `query ${declared && `Random(${declared})`} ${text}`, variables };
  }

  #selectionSet(draft, type, depth, ancestors) {
    const count = 1 + this.#random.below(depth === 0 ? 4 : 5);
    const selections = Array.from({ length: count }, () => this.#selection(draft, type, depth, ancestors));
    return `{ ${selections.join(' ')} }`;
  }

  #selection(draft, type, depth, ancestors) {
    if (isAbstractType(type) && this.#random.chance(0.8)) return this.#fragment(draft, this.#random.pick(this.#schema.getPossibleTypes(type)), depth, ancestors);
    if (depth < 4 && !isAbstractType(type) && this.#random.chance(0.15)) return this.#fragment(draft, type, depth, ancestors);
    return this.#field(draft, type, depth, ancestors);
  }

  #fragment(draft, type, depth, ancestors) {
    const selections = this.#selectionSet(draft, type, depth, ancestors);
    if (this.#random.chance(0.5)) return `... on ${type.name}${this.#directive()} ${selections}`;
    const name = `Fragment${draft.fragments.length}`;
    // Reserved now, because the selections may contain further fragments.
    draft.fragments.push(`fragment ${name} on ${type.name} ${selections}`);
    return `...${name}${this.#directive()}`;
  }

  #field(draft, type, depth, ancestors) {
    const below = [...ancestors, type.name];
    const fields = Object.values(type.getFields()).filter((field) => this.#world.contains(type, field, depth, below));
    if (fields.length === 0 || isAbstractType(type) || this.#random.chance(0.08)) return '__typename';
    const field = this.#random.pick(fields);
    const variant = this.#random.pick(this.#world.variants(type, field));
    const fieldType = getNamedType(field.type);
    const nested = isLeafType(fieldType) ? '' : ` ${this.#selectionSet(draft, fieldType, depth + 1, below)}`;
    const alias = this.#random.chance(0.2) ? `alias${this.#random.below(3)}: ` : '';
    return `${alias}${field.name}${this.#arguments(draft, variant)}${this.#directive()}${nested}`;
  }

  /** Some of the arguments are variables, with or without a default value. */
  #arguments(draft, { arguments: list = [] }) {
    if (list.length === 0) return '';
    const texts = list.map(({ name, type, value }) => {
      if (!this.#random.chance(0.5)) return `${name}: ${print(value)}`;
      const variable = `v${draft.variables.size}`;
      draft.variables.set(variable, [String(type), plain(value)]);
      return `${name}: $${variable}`;
    });
    return `(${texts.join(', ')})`;
  }

  #directive() {
    if (this.#random.chance(0.85)) return '';
    return ` @${this.#random.pick(['include', 'skip'])}(if: ${this.#random.pick(['true', 'false', '$yes', '$no'])})`;
  }
}

/** The JSON of a literal. */
function plain(node) {
  if (node.kind === 'ListValue') return node.values.map(plain);
  if (node.kind === 'ObjectValue') return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, plain(value)]));
  if (node.kind === 'IntValue') return Number(node.value);
  if (node.kind === 'NullValue') return null;
  return node.value;
}

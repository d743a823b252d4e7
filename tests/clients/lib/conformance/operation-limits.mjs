import assert from 'node:assert/strict';
import { post } from './http.mjs';

const repeat = (count, text) => Array.from({ length: count }, (_, index) => text(index)).join(' ');
const nest = (count, outer, inner) => `${`${outer} { `.repeat(count)}${inner}${' }'.repeat(count)}`;

/** Each limit with its default, and a document that needs `count` of it. */
const limits = {
  // Two braces, a name and the end of file are four tokens. Commas count although GraphQL ignores them.
  tokens: [10_000, (count) => `{__typename${','.repeat(count - 4)}}`],
  depth: [20, (count) => `{ __type(name: "Task") { ${nest(count - 2, 'ofType', 'kind')} } }`],
  fields: [2_000, (count) => `{ viewer { ${repeat(count - 1, () => 'id')} } }`],
  aliases: [100, (count) => `{ viewer { ${repeat(count, (index) => `a${index}: id`)} } }`],
  rootFields: [50, (count) => `{ ${repeat(count, () => '__typename')} }`],
  directives: [50, (count) => `{ viewer { ${repeat(count, () => 'id @include(if: true)')} } }`],
  // A list costs 2,500 (it runs a statement of its own), its 100 nodes 474 each, and a viewer the rest.
  cost: [
    50_000,
    (count) => `{
      tasks(first: 100) { nodes { ${repeat(473, () => 'id')} } }
      viewer { ${repeat(count - 49_901, () => 'id')} }
    }`,
  ],
  introspectionDepth: [
    2,
    (count) => {
      const lists = nest(count - 1, 'fields { type', 'fields { name }');
      return `{ __type(name: "Task") { ${lists}${' }'.repeat(count)} }`;
    },
  ],
  introspections: [5, (count) => `{ ${repeat(count, (index) => `t${index}: __type(name: "Task") { kind }`)} }`],
  ids: [100, (count) => `{ nodes(ids: [${repeat(count, () => '"none"')}]) { id } }`],
  pageSize: [100, (count) => `{ tasks(first: ${count}) { nodes { id } } }`],
};

const exceededLimits = ({ errors = [] }) => errors.map(({ extensions }) => extensions.bound);

export const operationLimitRules = Object.entries(limits).map(([name, [limit, query]]) => [
  `LIMIT_EXCEEDED: more than ${limit} of \`${name}\`; exactly ${limit} are accepted`,
  async (user) => {
    const rejected = await (await post(user, { query: query(limit + 1) })).json();
    const { code, bound, limit: reported } = rejected.errors?.[0].extensions ?? {};
    assert.deepEqual([code, bound, reported], ['LIMIT_EXCEEDED', name, limit]);
    const accepted = await (await post(user, { query: query(limit) })).json();
    assert.ok(!exceededLimits(accepted).includes(name), `${limit} were rejected`);
  },
]);

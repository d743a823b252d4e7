import assert from 'node:assert/strict';
import { post } from './http.mjs';

const repeat = (count, text) => Array.from({ length: count }, (_, index) => text(index)).join(' ');
const within = (count, outer, inner) => `${`${outer} { `.repeat(count)}${inner}${' }'.repeat(count)}`;

/** Each bound with its default, and a document that asks for so much. */
const bounds = {
  // Braces, a name and the end; commas, which mean nothing, count as well.
  tokens: [10_000, (count) => `{__typename${','.repeat(count - 4)}}`],
  depth: [20, (count) => `{ __type(name: "Task") { ${within(count - 2, 'ofType', 'kind')} } }`],
  fields: [2_000, (count) => `{ viewer { ${repeat(count - 1, () => 'id')} } }`],
  aliases: [100, (count) => `{ viewer { ${repeat(count, (index) => `a${index}: id`)} } }`],
  rootFields: [50, (count) => `{ ${repeat(count, () => '__typename')} }`],
  directives: [50, (count) => `{ viewer { ${repeat(count, () => 'id @include(if: true)')} } }`],
  // A page of 100 with 499 values each, the connection, and the viewer with what is left.
  cost: [
    50_000,
    (count) => `{
      tasks(first: 100) { nodes { ${repeat(498, () => 'id')} } }
      viewer { ${repeat(count - 49_902, () => 'id')} }
    }`,
  ],
  introspectionDepth: [
    2,
    (count) => {
      const lists = within(count - 1, 'fields { type', 'fields { name }');
      return `{ __type(name: "Task") { ${lists}${' }'.repeat(count)} }`;
    },
  ],
  introspections: [5, (count) => `{ ${repeat(count, (index) => `t${index}: __type(name: "Task") { kind }`)} }`],
  ids: [100, (count) => `{ nodes(ids: [${repeat(count, () => '"none"')}]) { id } }`],
  pageSize: [100, (count) => `{ tasks(first: ${count}) { nodes { id } } }`],
};

const passedBounds = ({ errors = [] }) => errors.map(({ extensions }) => extensions.bound);

export const boundsRules = Object.entries(bounds).map(([bound, [limit, query]]) => [
  `LIMIT_EXCEEDED: more than ${limit} of \`${bound}\`; so much passes`,
  async (user) => {
    const refusal = await (await post(user, { query: query(limit + 1) })).json();
    const { code, bound: passed, limit: named } = refusal.errors?.[0].extensions ?? {};
    assert.deepEqual([code, passed, named], ['LIMIT_EXCEEDED', bound, limit]);
    const answer = await (await post(user, { query: query(limit) })).json();
    assert.ok(!passedBounds(answer).includes(bound), `${limit} did not pass`);
  },
]);

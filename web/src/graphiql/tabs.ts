import type { Example } from '../config';

export function exampleTabs(examples: Example[]) {
  return examples.map(({ name, query, variables }) => ({
    query: `# ${name}\n${query.trim()}\n`,
    variables: variables && JSON.stringify(variables, null, 2),
  }));
}

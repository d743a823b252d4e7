import type { CombinedError } from '@urql/core';

/** What a person is told when a request failed altogether; refusals are data, and say it themselves. */
export function describeError(error: CombinedError): string {
  if (error.networkError) return 'The gateway cannot be reached.';
  const [first] = error.graphQLErrors;
  const requestId = first?.extensions?.requestId;
  if (first?.extensions?.code === 'INTERNAL') return `Something went wrong inside the gateway (request ${requestId}).`;
  return first?.message ?? error.message;
}

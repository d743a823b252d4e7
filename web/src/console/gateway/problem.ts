import type { CombinedError } from '@urql/core';

/** What a person is told when a request failed altogether; refusals are data, and say it themselves. */
export function describe(error: CombinedError): string {
  if (error.networkError) return 'The gateway cannot be reached.';
  const [first] = error.graphQLErrors;
  const request = first?.extensions?.requestId;
  if (first?.extensions?.code === 'INTERNAL') return `Something went wrong inside the gateway (request ${request}).`;
  return first?.message ?? error.message;
}

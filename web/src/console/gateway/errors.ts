import type { CombinedError } from '@urql/core';
import { messages } from '../messages';

/** What a person is told when a request failed altogether; refusals are data, and say it themselves. */
export function describeError(error: CombinedError): string {
  if (error.networkError) return messages.errors.unreachable;
  const [first] = error.graphQLErrors;
  const requestId = first?.extensions?.requestId;
  if (first?.extensions?.code === 'INTERNAL') return messages.errors.internal(requestId);
  return first?.message ?? error.message;
}

import type { CombinedError } from '@urql/core';
import { messages } from '../messages';

/** The message for a failed request. Result types such as `InvalidInput` bring their own. */
export function describeError(error: CombinedError): string {
  if (error.networkError) return messages.errors.unreachable;
  const [first] = error.graphQLErrors;
  const requestId = first?.extensions?.requestId;
  if (first?.extensions?.code === 'INTERNAL') return messages.errors.internal(requestId);
  return first?.message ?? error.message;
}

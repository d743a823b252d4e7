import type { CombinedError } from '@urql/core';
import type { SubmitResultFieldsFragment } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import type { FormError } from '../ui/formError';

export function rejectionToFormError(
  answer: Exclude<SubmitResultFieldsFragment, { __typename: 'TaskAccepted' }>,
): FormError {
  const { message } = answer;
  switch (answer.__typename) {
    case 'InvalidInput':
      return answer;
    case 'PromptRejected':
      return { message, fields: [{ path: ['prompt'], message: `${message} ${answer.advice}` }] };
    default:
      return { message };
  }
}

/** A refused quote is an error that names the fields; any other error is about none. */
export function toFormError(error: CombinedError): FormError {
  const fields = error.graphQLErrors[0]?.extensions?.fields;
  return Array.isArray(fields) ? { message: error.message, fields } : { message: describeError(error) };
}

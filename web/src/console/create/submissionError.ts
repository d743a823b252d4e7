import type { CombinedError } from '@urql/core';
import type { SubmitResultFieldsFragment } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import type { FormError } from '../ui/formError';

export function rejectionToFormError(
  result: Exclude<SubmitResultFieldsFragment, { __typename: 'TaskAccepted' }>,
): FormError {
  const { message } = result;
  switch (result.__typename) {
    case 'InvalidInput':
      return result;
    case 'PromptRejected':
      return { message, fields: [{ path: ['prompt'], message: `${message} ${result.advice}` }] };
    default:
      return { message };
  }
}

/** The error of a rejected quote lists the invalid fields. Other errors do not. */
export function toFormError(error: CombinedError): FormError {
  const fields = error.graphQLErrors[0]?.extensions?.fields;
  return Array.isArray(fields) ? { message: error.message, fields } : { message: describeError(error) };
}

import type { CombinedError } from '@urql/core';
import type { SubmittedFragment } from '../../gql/graphql';
import { describe } from '../gateway/problem';

/** What is wrong with a request, by the field that it is about; `other` is about none. */
export type Refusals = Partial<Record<Field, string>>;

const fields = ['prompt', 'images', 'model', 'aspectRatio', 'resolution', 'outputFormat', 'count', 'boardId'] as const;
export type Field = (typeof fields)[number] | 'credits' | 'other';

interface FieldError {
  path: string[];
  message: string;
}

export function refusalsOf(answer: Exclude<SubmittedFragment, { __typename: 'TaskAccepted' }>): Refusals {
  switch (answer.__typename) {
    case 'InvalidInput':
      return byField(answer.fields);
    case 'PromptRejected':
      return { prompt: `${answer.message} ${answer.advice}` };
    case 'InsufficientCredits':
      return { credits: answer.message };
    default:
      return { other: answer.message };
  }
}

/** A refused quote is an error that names the fields; any other error is about none. */
export function refusalsOfError(error: CombinedError): Refusals {
  const named = error.graphQLErrors[0]?.extensions?.fields;
  return Array.isArray(named) ? byField(named as FieldError[]) : { other: describe(error) };
}

function byField(errors: readonly FieldError[]): Refusals {
  const refusals: Refusals = {};
  for (const { path, message } of errors) {
    const field = fields.find((known) => known === path[0]) ?? 'other';
    refusals[field] = [refusals[field], message].filter(Boolean).join(' ');
  }
  return refusals;
}

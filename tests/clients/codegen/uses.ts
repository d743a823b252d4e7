// codegen.test.mjs type-checks this file against the generated types; it is never executed.
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core';
import { useFragment } from './generated/fragment-masking';
import * as documents from './generated/graphql';

export const generateVariables: VariablesOf<typeof documents.GenerateDocument> = {
  input: { prompt: 'a plantain', count: 2, outputFormat: 'PNG', metadata: { board: 7 } },
};

export const quoteVariables: VariablesOf<typeof documents.QuoteDocument> = {
  input: { edit: { prompt: 'riper', images: [{ url: 'https://example.com/plantain.png' }] } },
};

export function resultText({ generateImages: result }: ResultOf<typeof documents.GenerateDocument>): string {
  switch (result.__typename) {
    case 'TaskAccepted':
      return result.task.id;
    case 'RateLimited':
      return `${result.message} (${result.retryAfterSeconds.toFixed()} s)`;
    default:
      return result.message;
  }
}

export function widths({ tasks }: ResultOf<typeof documents.HistoryDocument>): number[] {
  return tasks.nodes.flatMap(({ images }) =>
    images.map((image) => useFragment(documents.PictureFragmentDoc, image).width),
  );
}

export function isFinished({ taskEvents: { status, task } }: ResultOf<typeof documents.EventsDocument>): boolean {
  // @ts-expect-error: failure is null unless the task failed.
  task.failure.code;
  // @ts-expect-error: no such status.
  return status === 'SUCCEEDED' || status === 'DONE';
}

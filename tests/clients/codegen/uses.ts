// Type-checked by codegen.test.mjs against what was generated; never run.
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core';
import { useFragment } from './generated/fragment-masking';
import * as documents from './generated/graphql';

export const wanted: VariablesOf<typeof documents.GenerateDocument> = {
  input: { prompt: 'a plantain', count: 2, outputFormat: 'PNG', metadata: { board: 7 } },
};

export const quoted: VariablesOf<typeof documents.QuoteDocument> = {
  input: { edit: { prompt: 'riper', images: [{ url: 'https://example.com/plantain.png' }] } },
};

export function told({ generateImages: result }: ResultOf<typeof documents.GenerateDocument>): string {
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

export function over({ taskEvents: { status, task } }: ResultOf<typeof documents.EventsDocument>): boolean {
  // @ts-expect-error: null unless the task failed.
  task.failure.code;
  // @ts-expect-error: no such status.
  return status === 'SUCCEEDED' || status === 'DONE';
}

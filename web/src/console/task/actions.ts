import type { CombinedError } from '@urql/core';
import { useState } from 'react';
import {
  CancelDocument,
  DeleteImageDocument,
  DeleteTaskDocument,
  ResolveDocument,
  RetryDocument,
  type SubmittedFragment,
  type TaskCardFragment,
  type UnconfirmedAction,
} from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { describeError } from '../gateway/errors';
import { showToast } from '../ui/Toaster';

type Answer<Data> = PromiseLike<{ data?: Data; error?: CombinedError }>;

/** What can be done with a task. Each says what is wrong when it is refused, and answers whether it was done. */
export function useTaskActions(id: string) {
  const { client, tasks } = useGateway();
  const [busy, setBusy] = useState(false);

  const run = async <Data>(answer: () => Answer<Data>, take: (data: Data) => string | undefined) => {
    if (busy) return false;
    setBusy(true);
    const { data, error } = await answer();
    setBusy(false);
    const errorMessage = data ? take(data) : error && describeError(error);
    if (errorMessage) showToast(errorMessage, 'error');
    return !errorMessage;
  };
  const takeTask = (answer: { task: TaskCardFragment } | { message: string }) => {
    if (!('task' in answer)) return answer.message;
    tasks.merge([answer.task]);
    return undefined;
  };
  const takeSubmitted = ({ submitted }: { submitted: SubmittedFragment }) => {
    if ('replayed' in submitted && submitted.replayed) showToast('It was tried again already.');
    return takeTask(submitted);
  };

  return {
    busy,
    // However often it is pressed, one task is tried again once.
    retry: () => run(() => client.mutation(RetryDocument, { id, idempotencyKey: `retry ${id}` }), takeSubmitted),
    resolve: (action: UnconfirmedAction) => run(() => client.mutation(ResolveDocument, { id, action }), takeSubmitted),
    cancel: () =>
      run(
        () => client.mutation(CancelDocument, { id }),
        ({ cancelTask }) => takeTask(cancelTask),
      ),
    removeImage: (image: string) =>
      run(
        () => client.mutation(DeleteImageDocument, { id: image }),
        ({ deleteImage }) => takeTask(deleteImage),
      ),
    remove: () =>
      run(
        () => client.mutation(DeleteTaskDocument, { id }),
        ({ deleteTask }) => {
          if ('message' in deleteTask && deleteTask.__typename !== 'NotFound') return deleteTask.message;
          tasks.remove(id);
          return undefined;
        },
      ),
  };
}

import type { CombinedError } from '@urql/core';
import { useState } from 'react';
import {
  CancelDocument,
  DeleteImageDocument,
  DeleteTaskDocument,
  ResolveDocument,
  RetryDocument,
  type SubmitResultFieldsFragment,
  type TaskCardFragment,
  type UnconfirmedAction,
} from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useGateway } from '../gateway/gateway';
import { messages } from '../messages';
import { showToast } from '../ui/Toaster';

type MutationResult<Data> = PromiseLike<{ data?: Data; error?: CombinedError }>;

/** Actions on a task. Each shows an error message if it fails, and resolves to whether it succeeded. */
export function useTaskActions(id: string) {
  const { client, tasks } = useGateway();
  const [busy, setBusy] = useState(false);

  const run = async <Data>(mutate: () => MutationResult<Data>, handle: (data: Data) => string | undefined) => {
    if (busy) return false;
    setBusy(true);
    const { data, error } = await mutate();
    setBusy(false);
    const errorMessage = data ? handle(data) : error && describeError(error);
    if (errorMessage) showToast(errorMessage, 'error');
    return !errorMessage;
  };
  const handleTask = (result: { task: TaskCardFragment } | { message: string }) => {
    if (!('task' in result)) return result.message;
    tasks.merge([result.task]);
    return undefined;
  };
  const handleSubmitResult = ({ result }: { result: SubmitResultFieldsFragment }) => {
    if ('replayed' in result && result.replayed) showToast(messages.task.alreadyRetried);
    return handleTask(result);
  };

  return {
    busy,
    // The fixed idempotency key makes sure that a task is retried only once.
    retry: () => run(() => client.mutation(RetryDocument, { id, idempotencyKey: `retry ${id}` }), handleSubmitResult),
    resolve: (action: UnconfirmedAction) =>
      run(() => client.mutation(ResolveDocument, { id, action }), handleSubmitResult),
    cancel: () =>
      run(
        () => client.mutation(CancelDocument, { id }),
        ({ cancelTask }) => handleTask(cancelTask),
      ),
    removeImage: (image: string) =>
      run(
        () => client.mutation(DeleteImageDocument, { id: image }),
        ({ deleteImage }) => handleTask(deleteImage),
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

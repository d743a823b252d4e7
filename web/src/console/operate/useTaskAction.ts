import {
  CancelTasksDocument,
  RefundTasksDocument,
  ReleaseTasksDocument,
  ResubmitTasksDocument,
  RetryTasksDocument,
  type AllTasksFilter,
  type TasksChangeFieldsFragment,
} from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useGateway } from '../gateway/gateway';

const documents = {
  cancel: CancelTasksDocument,
  retry: RetryTasksDocument,
  refund: RefundTasksDocument,
  resubmit: ResubmitTasksDocument,
  release: ReleaseTasksDocument,
};

export type TaskAction = keyof typeof documents;
export const taskActions = Object.keys(documents) as TaskAction[];

export type Changed = Extract<TasksChangeFieldsFragment, { __typename: 'TasksChanged' }>;

/** Runs an action on all tasks that match. A dry run only counts them. */
export function useTaskAction() {
  const { client } = useGateway();
  return async (action: TaskAction, filter: AllTasksFilter, dryRun: boolean): Promise<Changed | string> => {
    const { data, error } = await client.mutation(documents[action], { filter, dryRun });
    if (data?.result.__typename === 'TasksChanged') return data.result;
    return data?.result.message ?? describeError(error!);
  };
}

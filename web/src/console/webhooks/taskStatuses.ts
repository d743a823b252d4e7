import type { TaskStatus } from '../../gql/graphql';

/** What a task can come to, in the order in which it does. */
export const statusNames: Record<TaskStatus, string> = {
  QUEUED: 'Queued',
  GENERATING: 'Generating',
  UNCONFIRMED: 'Unconfirmed',
  STORING: 'Storing',
  SUCCEEDED: 'Succeeded',
  FAILED: 'Failed',
  CANCELED: 'Canceled',
};

export const allStatuses = Object.keys(statusNames) as TaskStatus[];

export const defaultStatuses: readonly TaskStatus[] = ['SUCCEEDED', 'FAILED', 'CANCELED'];

import type { TaskStatus } from '../../gql/graphql';
import { messages } from '../messages';

export const allStatuses = Object.keys(messages.common.taskStatus) as TaskStatus[];

export const defaultStatuses: readonly TaskStatus[] = ['SUCCEEDED', 'FAILED', 'CANCELED'];

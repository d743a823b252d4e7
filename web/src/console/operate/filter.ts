import type { AllTasksFilter, FailureCode, TaskStatus } from '../../gql/graphql';

/** The fields of the form, as texts. */
export interface FilterFields {
  userId: string;
  provider: string;
  status: string;
  failure: string;
  olderThanMinutes: string;
  since: string;
  until: string;
}

export const emptyFilter: FilterFields = {
  userId: '',
  provider: '',
  status: '',
  failure: '',
  olderThanMinutes: '',
  since: '',
  until: '',
};

const time = (local: string) => (local === '' ? undefined : new Date(local).toISOString());

/** The filter of the API; a field that is left empty matches all tasks. */
export function toFilter(fields: FilterFields): AllTasksFilter {
  const { userId, provider, status, failure, olderThanMinutes, since, until } = fields;
  return {
    userId: userId || undefined,
    provider: provider || undefined,
    status: status ? [status as TaskStatus] : undefined,
    failure: failure ? [failure as FailureCode] : undefined,
    olderThanSeconds: olderThanMinutes ? Math.round(Number(olderThanMinutes) * 60) : undefined,
    createdAfter: time(since),
    createdBefore: time(until),
  };
}

export const isEmpty = (fields: FilterFields) => Object.values(fields).every((value) => value === '');

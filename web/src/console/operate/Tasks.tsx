import { useState } from 'react';
import { AllTasksDocument, type AllTasksQuery } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import { messages } from '../messages';
import { emptyFilter, isEmpty, toFilter, type FilterFields } from './filter';
import { FilterForm } from './FilterForm';
import { TaskActionForm } from './TaskActionForm';
import { TaskTable } from './TaskTable';

export type OperatedTaskNode = AllTasksQuery['allTasks']['nodes'][number];

const pageSize = 50;

/** Tasks of all users: a filter, the tasks that match, and what to do with all of them. */
export function Tasks() {
  const [fields, setFields] = useState<FilterFields>(emptyFilter);
  const [oldestFirst, setOldestFirst] = useState(false);
  const page = oldestFirst ? { last: pageSize } : { first: pageSize };
  const [{ data, error }, refetch] = useRefetchingQuery(AllTasksDocument, { filter: toFilter(fields), ...page });
  const tasks = data?.allTasks.nodes ?? [];
  const info = data?.allTasks.pageInfo;
  const hasMore = info && (info.hasNextPage || info.hasPreviousPage);
  return (
    <div className="stack">
      <FilterForm fields={fields} onChange={setFields} oldestFirst={oldestFirst} onOldestFirst={setOldestFirst} />
      {error && (
        <p className="notice error" role="alert">
          {describeError(error)}
        </p>
      )}
      <TaskActionForm
        key={JSON.stringify(fields)}
        filter={toFilter(fields)}
        disabled={isEmpty(fields)}
        onChanged={() => refetch({ requestPolicy: 'network-only' })}
      />
      <p role="status">{messages.operate.found(tasks.length, hasMore === true)}</p>
      <TaskTable tasks={oldestFirst ? tasks.toReversed() : tasks} />
    </div>
  );
}

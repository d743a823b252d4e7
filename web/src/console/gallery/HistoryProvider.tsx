import { createContext, use, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { HistoryDocument } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useGateway } from '../gateway/gateway';
import { newestFirst, type TaskSortKey, type Task } from '../gateway/taskStore';
import { useSignal } from '../ui/signal';
import { useDebouncedValue } from '../ui/useDebouncedValue';
import { noFilter, matches, toInput, type Filter } from './filter';

const pageSize = 24;
const debounceMs = 250;

interface LoadedRange {
  gateway: unknown;
  filter: Filter;
  /** The oldest task that was read: what is older may lack neighbours. */
  oldest: TaskSortKey | null;
  cursor: string | null;
  hasMore: boolean;
}

interface History {
  filter: Filter;
  setFilter: (filter: Filter) => void;
  /** Whether the tasks are those of a filter, and not all. */
  filtered: boolean;
  /** How far the gallery was scrolled when it was left. */
  scrollPosition: { current: number };
  tasks: Task[];
  hasMore: boolean;
  loading: boolean;
  errorMessage: string | null;
  loadMore: () => void;
}

const HistoryContext = createContext<History | null>(null);

/** Above the pages: whoever comes back from one finds the gallery as it was left. */
export function HistoryProvider({ children }: { children: ReactNode }) {
  const [filter, setFilter] = useState(noFilter);
  const debouncedFilter = useDebouncedValue(filter, debounceMs);
  const scrollPosition = useRef(0);
  const history = {
    filter,
    setFilter,
    filtered: debouncedFilter !== noFilter,
    scrollPosition,
    ...useLoadedHistory(debouncedFilter),
  };
  return <HistoryContext value={history}>{children}</HistoryContext>;
}

export function useHistory(): History {
  const history = use(HistoryContext);
  if (!history) throw new Error('useHistory must be used inside HistoryProvider.');
  return history;
}

/** The history with a filter, as far back as it was read; what is pushed joins it. */
function useLoadedHistory(
  filter: Filter,
): Pick<History, 'tasks' | 'hasMore' | 'loading' | 'errorMessage' | 'loadMore'> {
  const gateway = useGateway();
  const all = useSignal(gateway.tasks.all);
  const { reconnects } = useSignal(gateway.connection);
  const [range, setRange] = useState<LoadedRange>();
  const [loading, setLoading] = useState(false);
  const [errorMessage, setErrorMessage] = useState<string | null>(null);
  const current = range?.gateway === gateway && range.filter === filter ? range : undefined;
  const requestNumber = useRef(0);

  const loadMore = useCallback(async () => {
    const thisRequest = ++requestNumber.current;
    setLoading(true);
    const variables = { first: pageSize, after: current?.cursor, filter: toInput(filter) };
    const { data, error } = await gateway.client.query(HistoryDocument, variables);
    if (thisRequest !== requestNumber.current) return;
    setLoading(false);
    setErrorMessage(error ? describeError(error) : null);
    if (!data) return;
    const { nodes, pageInfo } = data.tasks;
    gateway.tasks.merge(nodes);
    setRange({
      gateway,
      filter,
      oldest: nodes.at(-1) ?? current?.oldest ?? null,
      cursor: pageInfo.endCursor ?? current?.cursor ?? null,
      hasMore: pageInfo.hasNextPage,
    });
  }, [gateway, filter, current]);

  // An answer to what was asked with another filter is of no use.
  useEffect(
    () => () => {
      requestNumber.current++;
      setLoading(false);
      setErrorMessage(null);
    },
    [filter],
  );
  // What could not be read may be there now.
  useEffect(() => setErrorMessage(null), [reconnects]);
  // The first page; again when the connection is back and it could not be read before.
  useEffect(() => {
    if (!current) void loadMore();
  }, [reconnects, current, loadMore]);

  const tasks = useMemo(() => {
    const isInRange = (task: Task) =>
      !current?.hasMore || (current.oldest !== null && newestFirst(task, current.oldest) <= 0);
    const taskFilter = toInput(filter);
    return all.filter((task) => matches(task, taskFilter) && isInRange(task));
  }, [all, filter, current]);
  return { tasks, hasMore: current?.hasMore ?? false, loading, errorMessage, loadMore };
}

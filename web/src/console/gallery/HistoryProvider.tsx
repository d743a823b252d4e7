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
  /** The oldest loaded task. Older ones are known only in part, for example from events. */
  oldest: TaskSortKey | null;
  cursor: string | null;
  hasMore: boolean;
}

interface History {
  filter: Filter;
  setFilter: (filter: Filter) => void;
  /** Whether `tasks` is limited by a filter. */
  filtered: boolean;
  /** Scroll position of the gallery when the user left it. */
  scrollPosition: { current: number };
  tasks: Task[];
  hasMore: boolean;
  loading: boolean;
  errorMessage: string | null;
  loadMore: () => void;
}

const HistoryContext = createContext<History | null>(null);

/** Keeps filter, tasks and scroll position while the user visits other pages. */
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

/** The loaded part of the filtered history, with the tasks that events add. */
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

  // Discard responses to requests with another filter.
  useEffect(
    () => () => {
      requestNumber.current++;
      setLoading(false);
      setErrorMessage(null);
    },
    [filter],
  );
  // A failed request may succeed after a reconnect.
  useEffect(() => setErrorMessage(null), [reconnects]);
  // Load the first page, and after a reconnect try again if that failed.
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

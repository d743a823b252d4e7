import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { HistoryDocument } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { describe } from '../gateway/problem';
import { newestFirst, type Place, type Task } from '../gateway/tasks';
import { useSignal } from '../ui/signal';
import { matches, toInput, type Filter } from './filter';

const pageSize = 24;

interface Reach {
  filter: Filter;
  /** The oldest task that was read: what is older may lack neighbours. */
  oldest: Place | null;
  cursor: string | null;
  more: boolean;
}

interface History {
  tasks: Task[];
  more: boolean;
  loading: boolean;
  problem: string | null;
  readMore: () => void;
}

/** The history with a filter, as far back as it was read; what is pushed joins it. */
export function useHistory(filter: Filter): History {
  const gateway = useGateway();
  const all = useSignal(gateway.tasks.all);
  const { count } = useSignal(gateway.connection);
  const [reach, setReach] = useState<Reach>();
  const [loading, setLoading] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const current = reach?.filter === filter ? reach : undefined;
  const turn = useRef(0);

  const readMore = useCallback(async () => {
    const mine = ++turn.current;
    setLoading(true);
    const variables = { first: pageSize, after: current?.cursor, filter: toInput(filter) };
    const { data, error } = await gateway.client.query(HistoryDocument, variables);
    // Another filter was chosen meanwhile.
    if (mine !== turn.current) return;
    setLoading(false);
    setProblem(error ? describe(error) : null);
    if (!data) return;
    const { nodes, pageInfo } = data.tasks;
    gateway.tasks.merge(nodes);
    setReach({
      filter,
      oldest: nodes.at(-1) ?? current?.oldest ?? null,
      cursor: pageInfo.endCursor ?? current?.cursor ?? null,
      more: pageInfo.hasNextPage,
    });
  }, [gateway, filter, current]);

  // The first page; again when the connection is back and it could not be read before.
  useEffect(() => {
    if (!current) void readMore();
  }, [count, current, readMore]);

  const tasks = useMemo(() => {
    const isReached = (task: Task) => !current?.more || (current.oldest !== null && newestFirst(task, current.oldest) <= 0);
    return all.filter((task) => matches(task, filter) && isReached(task));
  }, [all, filter, current]);
  return { tasks, more: current?.more ?? false, loading, problem, readMore };
}

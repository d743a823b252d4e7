import { createContext, use, useEffect, useMemo, type ReactNode } from 'react';
import { useGateway } from '../gateway/gateway';
import { isActive } from '../gateway/taskStore';
import { useSignal } from '../ui/signal';
import { useInterval } from '../ui/useInterval';
import { BoardStore, type Board } from './boardStore';

const refreshIntervalMs = 60_000;
const BoardsContext = createContext<BoardStore | null>(null);

/** Shares one list of boards between all components. */
export function BoardsProvider({ children }: { children: ReactNode }) {
  const { client } = useGateway();
  const boards = useMemo(() => new BoardStore(client), [client]);
  useBoardRefresh(boards);
  return <BoardsContext value={boards}>{children}</BoardsContext>;
}

export function useBoardStore(): BoardStore {
  const boards = use(BoardsContext);
  if (!boards) throw new Error('useBoardStore must be used inside BoardsProvider.');
  return boards;
}

/** The loaded boards: the newest pages and those that were opened. */
export function useBoards(): readonly Board[] {
  const { list, visited } = useBoardStore();
  const { nodes } = useSignal(list.state);
  const others = useSignal(visited);
  return useMemo(() => {
    const listed = new Set(nodes.map(({ id }) => id));
    return [...nodes, ...others.filter(({ id }) => !listed.has(id))];
  }, [nodes, others]);
}

/** No subscription covers the list of boards. It is reloaded when a task starts or finishes, and at an interval. */
function useBoardRefresh({ list }: BoardStore) {
  const { connection, tasks } = useGateway();
  const { reconnects } = useSignal(connection);
  const activeTasks = useSignal(tasks.all).filter(isActive);
  const ids = activeTasks.map(({ id }) => id).join();
  useEffect(() => void list.reload(), [list, reconnects, ids]);
  useInterval(list.reload, refreshIntervalMs);
}

import { createContext, use, useEffect, useMemo, useRef, type ReactNode } from 'react';
import { useClient } from 'urql';
import { useGateway } from '../gateway/gateway';
import { isLive } from '../gateway/tasks';
import { useSignal } from '../ui/signal';
import { BoardList, type Board } from './boardList';

const BoardsContext = createContext<BoardList | null>(null);

/** Around all that shows boards: they share one list. */
export function BoardsProvider({ children }: { children: ReactNode }) {
  const client = useClient();
  const boards = useMemo(() => new BoardList(client), [client]);
  useNews(boards);
  return <BoardsContext value={boards}>{children}</BoardsContext>;
}

export function useBoardList(): BoardList {
  const boards = use(BoardsContext);
  if (!boards) throw new Error('useBoardList is for what is inside BoardsProvider.');
  return boards;
}

/** The boards that this page knows: the newest, as far as they were read, and those that were opened. */
export function useBoards(): readonly Board[] {
  const { list, visited } = useBoardList();
  const { nodes } = useSignal(list.shown);
  const others = useSignal(visited);
  return useMemo(() => {
    const listed = new Set(nodes.map(({ id }) => id));
    return [...nodes, ...others.filter(({ id }) => !listed.has(id))];
  }, [nodes, others]);
}

/** The list is not pushed: it is read when something may have changed it elsewhere, or when a task may have. */
function useNews({ list }: BoardList) {
  const { connection, tasks } = useGateway();
  // The first connection brings no news.
  const connections = Math.max(useSignal(connection).count, 1);
  useEffect(() => void list.read(), [list, connections]);

  useEffect(() => {
    const look = () => {
      if (!document.hidden) void list.read();
    };
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [list]);

  const live = useSignal(tasks.all).filter(isLive).length;
  const lastLive = useRef(live);
  useEffect(() => {
    if (live < lastLive.current) void list.read();
    lastLive.current = live;
  }, [list, live]);
}

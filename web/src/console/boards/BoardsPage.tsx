import { useEffect } from 'react';
import { Link } from 'wouter';
import { messages } from '../messages';
import { LoadMore } from '../ui/LoadMore';
import { useSignal } from '../ui/signal';
import { BoardCover } from './BoardCover';
import { useBoardStore } from './BoardsProvider';
import type { Board } from './boardStore';
import { CreateBoardForm } from './CreateBoardForm';

export function BoardsPage() {
  const { list } = useBoardStore();
  useEffect(() => void list.reload(), [list]);
  return (
    <div className="page">
      <title>{messages.common.pageTitle(messages.boards.heading)}</title>
      <h1>{messages.boards.heading}</h1>
      <CreateBoardForm />
      <Boards />
      <LoadMore list={list} infinite />
    </div>
  );
}

function Boards() {
  const { nodes, pages } = useSignal(useBoardStore().list.state);
  if (pages === 0) return <p className="hint">{messages.common.loading}</p>;
  if (nodes.length === 0) return <NoBoards />;
  return (
    <ul className="board-cards">
      {nodes.map((board) => (
        <li key={board.id}>
          <BoardCard board={board} />
        </li>
      ))}
    </ul>
  );
}

function BoardCard({ board }: { board: Board }) {
  return (
    <Link href={`/boards/${board.id}`} className="board-card">
      <BoardCover board={board} max={4} />
      <span className="board-name">{board.title}</span>
      <span className="hint">{messages.boards.kinds[board.kind]}</span>
    </Link>
  );
}

function NoBoards() {
  return (
    <div className="empty board-empty">
      <h2>{messages.boards.empty}</h2>
      <p>{messages.boards.emptyHint(<Link href="/">{messages.boards.historyLink}</Link>)}</p>
    </div>
  );
}

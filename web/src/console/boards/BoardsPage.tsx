import { useEffect } from 'react';
import { Link } from 'wouter';
import { LoadMore } from '../ui/LoadMore';
import { useSignal } from '../ui/signal';
import type { Board } from './boardStore';
import { useBoardStore } from './BoardsProvider';
import { BoardCover } from './BoardCover';
import { kindLabel } from './kinds';
import { CreateBoardForm } from './CreateBoardForm';

export function BoardsPage() {
  const { list } = useBoardStore();
  useEffect(() => void list.reload(), [list]);
  return (
    <div className="page">
      <title>Boards · Plantain</title>
      <h1>Boards</h1>
      <CreateBoardForm />
      <Boards />
      <LoadMore list={list} infinite />
    </div>
  );
}

function Boards() {
  const { nodes, pages } = useSignal(useBoardStore().list.state);
  if (pages === 0) return <p className="hint">Opening …</p>;
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
      <span className="hint">{kindLabel(board.kind)}</span>
    </Link>
  );
}

function NoBoards() {
  return (
    <div className="empty board-empty">
      <h2>No boards yet</h2>
      <p>
        A board keeps images that belong together, in the order that you give them. Make one above; then startImageDrag
        images from <Link href="/">your history</Link> onto it, or let new ones land there by themselves.
      </p>
    </div>
  );
}

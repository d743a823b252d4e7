import { useId } from 'react';
import { Link, useRoute } from 'wouter';
import { messages } from '../messages';
import { useSignal } from '../ui/signal';
import { showToast } from '../ui/Toaster';
import { BoardCover } from './BoardCover';
import { useBoardStore } from './BoardsProvider';
import type { Board } from './boardStore';
import { QuickCreateBoard } from './QuickCreateBoard';
import { useAddToBoard } from './useAddToBoard';
import { useDropTarget } from './useDropTarget';

const maxLinks = 8;

export function BoardLinks() {
  const { nodes } = useSignal(useBoardStore().list.state);
  const headingId = useId();
  return (
    <nav className="board-links" aria-labelledby={headingId}>
      <h2 id={headingId}>{messages.boards.heading}</h2>
      {nodes.length > 0 && (
        <ul>
          {nodes.slice(0, maxLinks).map((board) => (
            <li key={board.id}>
              <BoardLink board={board} />
            </li>
          ))}
        </ul>
      )}
      <QuickCreateBoard />
    </nav>
  );
}

function BoardLink({ board }: { board: Board }) {
  const href = `/boards/${board.id}`;
  const [current] = useRoute(href);
  const addToBoard = useAddToBoard();
  const { dropPosition, dropHandlers } = useDropTarget(async (imageId) => {
    const errorMessage = await addToBoard(board, imageId);
    if (errorMessage) showToast(errorMessage, 'error');
  });
  return (
    <Link
      href={href}
      className={dropPosition ? `drop-${dropPosition}` : undefined}
      aria-current={current ? 'page' : undefined}
      draggable={false}
      {...dropHandlers}
    >
      <BoardCover board={board} max={1} />
      <span className="board-name">{board.title}</span>
    </Link>
  );
}

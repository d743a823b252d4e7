import { useId } from 'react';
import { Link, useRoute } from 'wouter';
import { showToast } from '../ui/Toaster';
import { useSignal } from '../ui/signal';
import type { Board } from './boardList';
import { useBoardList } from './boards';
import { Cover } from './Cover';
import { NewBoardByTitle } from './NewBoardByTitle';
import { useDropTarget } from './useDropTarget';
import { usePutOnBoard } from './usePutOnBoard';

const mostShown = 8;

export function BoardLinks() {
  const { nodes } = useSignal(useBoardList().list.state);
  const headingId = useId();
  return (
    <nav className="board-links" aria-labelledby={headingId}>
      <h2 id={headingId}>Boards</h2>
      {nodes.length > 0 && (
        <ul>
          {nodes.slice(0, mostShown).map((board) => (
            <li key={board.id}>
              <BoardLink board={board} />
            </li>
          ))}
        </ul>
      )}
      <NewBoardByTitle />
    </nav>
  );
}

function BoardLink({ board }: { board: Board }) {
  const href = `/boards/${board.id}`;
  const [current] = useRoute(href);
  const putOnBoard = usePutOnBoard();
  const { over, target } = useDropTarget(async (imageId) => {
    const errorMessage = await putOnBoard(board, imageId);
    if (errorMessage) showToast(errorMessage, 'error');
  });
  return (
    <Link
      href={href}
      className={over ? `drop-${over}` : undefined}
      aria-current={current ? 'page' : undefined}
      draggable={false}
      {...target}
    >
      <Cover board={board} most={1} />
      <span className="board-name">{board.title}</span>
    </Link>
  );
}

import { useId, useRef, useState } from 'react';
import { Link, useRoute } from 'wouter';
import { Icon } from '../ui/Icon';
import { say } from '../ui/messages';
import { useSignal } from '../ui/signal';
import type { Board } from './boardList';
import { useBoardList } from './boards';
import { Cover } from './Cover';
import { NewBoard } from './NewBoard';
import { useDropTarget } from './useDropTarget';
import { usePutOnBoard } from './usePutOnBoard';

const mostShown = 8;

export function BoardLinks() {
  const { nodes } = useSignal(useBoardList().list.shown);
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
      <Adder />
    </nav>
  );
}

function BoardLink({ board }: { board: Board }) {
  const href = `/boards/${board.id}`;
  const [current] = useRoute(href);
  const putOnBoard = usePutOnBoard();
  const { over, target } = useDropTarget(async (imageId) => {
    const problem = await putOnBoard(board, imageId);
    if (problem) say(problem, 'bad');
  });
  return (
    <Link
      href={href}
      className={over ? 'drop-over' : undefined}
      aria-current={current ? 'page' : undefined}
      draggable={false}
      {...target}
    >
      <Cover board={board} most={1} />
      <span className="board-name">{board.title}</span>
    </Link>
  );
}

function Adder() {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <>
      <button ref={button} type="button" className="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="create" /> New board
      </button>
      {open && <NewBoard onMade={close} onCancel={close} />}
    </>
  );
}

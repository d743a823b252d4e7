import { useRef, useState, type FormEvent } from 'react';
import { useNotes } from '../ui/Field';
import { Icon } from '../ui/Icon';
import type { Board } from './boardList';
import { useBoardList } from './boards';

/** The heading, which turns into a field to rename the board. */
export function BoardTitle({ board }: { board: Board }) {
  const [renaming, setRenaming] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setRenaming(false);
    button.current?.focus();
  };
  return (
    <div className="board-title">
      <h1 className={renaming ? 'unseen' : undefined}>{board.title}</h1>
      {renaming && <Rename board={board} onDone={close} />}
      <button
        ref={button}
        type="button"
        className={renaming ? 'unseen' : 'quiet icon-button'}
        aria-label="Rename the board"
        aria-expanded={renaming}
        onClick={() => setRenaming(!renaming)}
      >
        <Icon name="edit" />
      </button>
    </div>
  );
}

function Rename({ board, onDone }: { board: Board; onDone: () => void }) {
  const boards = useBoardList();
  const [title, setTitle] = useState(board.title);
  const [problem, setProblem] = useState<string>();
  const { described, notes } = useNotes(undefined, problem);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const answer = await boards.rename(board.id, title);
    if ('problem' in answer) setProblem(answer.problem);
    else onDone();
  };

  return (
    <form className="row" onSubmit={submit} onKeyDown={(event) => event.key === 'Escape' && onDone()}>
      <input
        aria-label="Title of the board"
        {...described}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        onFocus={(event) => event.target.select()}
        autoFocus
      />
      <button type="submit">Rename</button>
      <button type="button" className="quiet" onClick={onDone}>
        Cancel
      </button>
      {notes}
    </form>
  );
}

import { useRef, useState } from 'react';
import { useFieldDescription } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { useAsyncAction } from '../ui/useAsyncAction';
import type { Board } from './boardList';
import { useBoardList } from './boards';

/** A button that opens a form for a moodboard by its title alone. */
export function NewBoardByTitle({ onMade }: { onMade?: (board: Board) => void }) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const made = (board: Board) => {
    close();
    onMade?.(board);
  };
  return (
    <>
      <button ref={button} type="button" className="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="create" /> New board
      </button>
      {open && <TitleForm onMade={made} onCancel={close} />}
    </>
  );
}

function TitleForm({ onMade, onCancel }: { onMade: (board: Board) => void; onCancel: () => void }) {
  const boards = useBoardList();
  const [title, setTitle] = useState('');
  const [errorMessage, setErrorMessage] = useState<string>();
  const { inputProps, description } = useFieldDescription(undefined, errorMessage);
  const [submit, busy] = useAsyncAction(async () => {
    const answer = await boards.make({ title, kind: 'MOODBOARD' });
    if ('errorMessage' in answer) setErrorMessage(answer.errorMessage);
    else onMade(answer.board);
  });

  return (
    <form className="new-board" onSubmit={submit}>
      <input
        aria-label="Title of the new board"
        {...inputProps}
        placeholder="Kitchen"
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && onCancel()}
        autoFocus
      />
      <button type="submit" aria-busy={busy}>
        Make
      </button>
      {description}
    </form>
  );
}

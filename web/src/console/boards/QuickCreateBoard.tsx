import { useRef, useState } from 'react';
import { messages } from '../messages';
import { useFieldDescription } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { useAsyncAction } from '../ui/useAsyncAction';
import { useBoardStore } from './BoardsProvider';
import type { Board } from './boardStore';

/** A button that opens a form to create a moodboard. */
export function QuickCreateBoard({ onCreated }: { onCreated?: (board: Board) => void }) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const handleCreated = (board: Board) => {
    close();
    onCreated?.(board);
  };
  return (
    <>
      <button ref={button} type="button" className="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="create" /> {messages.boards.new}
      </button>
      {open && <TitleForm onCreated={handleCreated} onCancel={close} />}
    </>
  );
}

function TitleForm({ onCreated, onCancel }: { onCreated: (board: Board) => void; onCancel: () => void }) {
  const boards = useBoardStore();
  const [title, setTitle] = useState('');
  const [errorMessage, setErrorMessage] = useState<string>();
  const { inputProps, description } = useFieldDescription(undefined, errorMessage);
  const [submit, busy] = useAsyncAction(async () => {
    const result = await boards.create({ title, kind: 'MOODBOARD' });
    if ('errorMessage' in result) setErrorMessage(result.errorMessage);
    else onCreated(result.board);
  });

  return (
    <form className="quick-create-board" onSubmit={submit}>
      <input
        aria-label={messages.boards.newTitle}
        {...inputProps}
        placeholder={messages.boards.newTitleExample}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && onCancel()}
        autoFocus
      />
      <button type="submit" aria-busy={busy}>
        {messages.common.create}
      </button>
      {description}
    </form>
  );
}

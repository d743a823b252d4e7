import { useState, type FormEvent } from 'react';
import { useNotes } from '../ui/Field';
import type { Board } from './boardList';
import { useBoardList } from './boards';

interface Props {
  /** Says what went wrong with it afterwards, if anything did. */
  onMade: (board: Board) => void | Promise<string | null>;
  onCancel: () => void;
}

/** A moodboard by its title alone. */
export function NewBoard({ onMade, onCancel }: Props) {
  const boards = useBoardList();
  const [title, setTitle] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const { described, notes } = useNotes(undefined, problem);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const answer = await boards.make({ title, kind: 'MOODBOARD' });
    setBusy(false);
    setProblem('problem' in answer ? answer.problem : ((await onMade(answer.board)) ?? undefined));
  };

  return (
    <form className="new-board" onSubmit={submit}>
      <input
        aria-label="Title of the new board"
        {...described}
        placeholder="Kitchen"
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && onCancel()}
        autoFocus
      />
      <button type="submit" disabled={busy}>
        Make
      </button>
      {notes}
    </form>
  );
}

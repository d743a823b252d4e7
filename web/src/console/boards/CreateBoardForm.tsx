import { useId, useState } from 'react';
import { useLocation } from 'wouter';
import type { BoardKind } from '../../gql/graphql';
import { Field } from '../ui/Field';
import { useAsyncAction } from '../ui/useAsyncAction';
import { useBoardStore } from './BoardsProvider';
import { kinds } from './kinds';

export function CreateBoardForm() {
  const boards = useBoardStore();
  const [, navigate] = useLocation();
  const [title, setTitle] = useState('');
  const [kind, setKind] = useState<BoardKind>('MOODBOARD');
  const [errorMessage, setErrorMessage] = useState<string>();
  const [submit, busy] = useAsyncAction(async () => {
    const result = await boards.create({ title, kind });
    if ('errorMessage' in result) setErrorMessage(result.errorMessage);
    else navigate(`/boards/${result.board.id}`);
  });

  return (
    <form className="create-board" onSubmit={submit}>
      <Field label="Title" errorMessage={errorMessage}>
        {(inputProps) => (
          <input
            {...inputProps}
            value={title}
            placeholder="Kitchen ideas"
            onChange={(event) => setTitle(event.target.value)}
          />
        )}
      </Field>
      <KindPicker value={kind} onChange={setKind} />
      <button type="submit" className="primary" aria-busy={busy}>
        Make board
      </button>
    </form>
  );
}

function KindPicker({ value, onChange }: { value: BoardKind; onChange: (kind: BoardKind) => void }) {
  const name = useId();
  return (
    <fieldset className="kind-picker">
      <legend>Kind</legend>
      {kinds.map(({ kind, label, purpose }) => (
        <label key={kind}>
          <input type="radio" name={name} checked={kind === value} onChange={() => onChange(kind)} />
          <span>
            {label} <span className="hint">{purpose}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

import { useId, useState } from 'react';
import { useLocation } from 'wouter';
import type { BoardKind } from '../../gql/graphql';
import { Field } from '../ui/Field';
import { useAsyncAction } from '../ui/useAsyncAction';
import { useBoardList } from './boards';
import { kinds } from './kinds';

export function MakeBoard() {
  const boards = useBoardList();
  const [, go] = useLocation();
  const [title, setTitle] = useState('');
  const [kind, setKind] = useState<BoardKind>('MOODBOARD');
  const [errorMessage, setErrorMessage] = useState<string>();
  const [submit, busy] = useAsyncAction(async () => {
    const answer = await boards.make({ title, kind });
    if ('errorMessage' in answer) setErrorMessage(answer.errorMessage);
    else go(`/boards/${answer.board.id}`);
  });

  return (
    <form className="make-board" onSubmit={submit}>
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
      <KindChoice value={kind} onChange={setKind} />
      <button type="submit" className="primary" aria-busy={busy}>
        Make board
      </button>
    </form>
  );
}

function KindChoice({ value, onChange }: { value: BoardKind; onChange: (kind: BoardKind) => void }) {
  const name = useId();
  return (
    <fieldset className="kind-choice">
      <legend>Kind</legend>
      {kinds.map(({ kind, label, use }) => (
        <label key={kind}>
          <input type="radio" name={name} checked={kind === value} onChange={() => onChange(kind)} />
          <span>
            {label} <span className="hint">{use}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

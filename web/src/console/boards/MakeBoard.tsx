import { useId, useState, type FormEvent } from 'react';
import { useLocation } from 'wouter';
import type { BoardKind } from '../../gql/graphql';
import { Field } from '../ui/Field';
import { useBoardList } from './boards';
import { kinds } from './kinds';

export function MakeBoard() {
  const boards = useBoardList();
  const [, go] = useLocation();
  const [title, setTitle] = useState('');
  const [kind, setKind] = useState<BoardKind>('MOODBOARD');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const answer = await boards.make({ title, kind });
    setBusy(false);
    if ('problem' in answer) setProblem(answer.problem);
    else go(`/boards/${answer.board.id}`);
  };

  return (
    <form className="make-board" onSubmit={submit}>
      <Field label="Title" problem={problem}>
        {(described) => (
          <input
            {...described}
            value={title}
            placeholder="Kitchen ideas"
            onChange={(event) => setTitle(event.target.value)}
          />
        )}
      </Field>
      <KindChoice value={kind} onChange={setKind} />
      <button type="submit" className="primary" disabled={busy}>
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

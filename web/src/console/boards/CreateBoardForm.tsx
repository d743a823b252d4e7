import { useId, useState } from 'react';
import { useLocation } from 'wouter';
import type { BoardKind } from '../../gql/graphql';
import { messages } from '../messages';
import { Field } from '../ui/Field';
import { useAsyncAction } from '../ui/useAsyncAction';
import { useBoardStore } from './BoardsProvider';

const kinds: readonly BoardKind[] = ['MOODBOARD', 'SHOWCASE'];

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
      <Field label={messages.boards.title} errorMessage={errorMessage}>
        {(inputProps) => (
          <input
            {...inputProps}
            value={title}
            placeholder={messages.boards.titleExample}
            onChange={(event) => setTitle(event.target.value)}
          />
        )}
      </Field>
      <KindPicker value={kind} onChange={setKind} />
      <button type="submit" className="primary" aria-busy={busy}>
        {messages.boards.create}
      </button>
    </form>
  );
}

function KindPicker({ value, onChange }: { value: BoardKind; onChange: (kind: BoardKind) => void }) {
  const name = useId();
  return (
    <fieldset className="kind-picker">
      <legend>{messages.common.kind}</legend>
      {kinds.map((kind) => (
        <label key={kind}>
          <input type="radio" name={name} checked={kind === value} onChange={() => onChange(kind)} />
          <span>
            {messages.boards.kinds[kind]} <span className="hint">{messages.boards.purposes[kind]}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

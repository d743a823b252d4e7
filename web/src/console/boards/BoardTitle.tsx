import { useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { messages } from '../messages';
import { useFieldDescription } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { useAsyncAction } from '../ui/useAsyncAction';
import type { OpenBoard } from './openBoard';

interface Props {
  openBoard: OpenBoard;
  title: string;
}

/** A heading that turns into a form to rename the board. */
export function BoardTitle({ openBoard, title }: Props) {
  const [isRenaming, setRenaming] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    flushSync(() => setRenaming(false));
    button.current?.focus();
  };
  return (
    <div className="board-title">
      <h1 className={isRenaming ? 'visually-hidden' : undefined}>{title}</h1>
      {isRenaming ? (
        <RenameForm openBoard={openBoard} title={title} onDone={close} />
      ) : (
        <button
          ref={button}
          type="button"
          className="quiet icon-button"
          aria-label={messages.boards.rename}
          onClick={() => setRenaming(true)}
        >
          <Icon name="edit" />
        </button>
      )}
    </div>
  );
}

function RenameForm({ openBoard, title: currentTitle, onDone }: Props & { onDone: () => void }) {
  const [title, setTitle] = useState(currentTitle);
  const [errorMessage, setErrorMessage] = useState<string>();
  const { inputProps, description } = useFieldDescription(undefined, errorMessage);
  const [submit, busy] = useAsyncAction(async () => {
    const result = await openBoard.rename(title);
    if ('errorMessage' in result) setErrorMessage(result.errorMessage);
    else onDone();
  });

  return (
    <form className="row" onSubmit={submit} onKeyDown={(event) => event.key === 'Escape' && onDone()}>
      <input
        aria-label={messages.boards.renameTitle}
        {...inputProps}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
        onFocus={(event) => event.target.select()}
        autoFocus
      />
      <button type="submit" aria-busy={busy}>
        {messages.boards.renameSubmit}
      </button>
      <button type="button" className="quiet" onClick={onDone}>
        {messages.common.cancel}
      </button>
      {description}
    </form>
  );
}

import { useId, useRef, useState, type ReactNode } from 'react';
import { say } from './messages';
import { useAsyncAction } from './useAsyncAction';

interface Props {
  /** What the button shows. */
  button: ReactNode;
  /** The button's name, where what it shows does not say it. */
  name?: string;
  className?: string;
  question: string;
  consequence?: ReactNode;
  /** What the button in the dialog says. */
  action: string;
  /** Says why it could not be done, if so: that is shown, and the dialog stays open. */
  onConfirm: () => Promise<string | void>;
  danger?: boolean;
}

/** A button that asks before it does something. */
export function Confirm({ button, name, className, danger = false, ...asked }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button
        type="button"
        className={className}
        aria-label={name}
        aria-haspopup="dialog"
        onClick={() => dialog.current?.showModal()}
      >
        {button}
      </button>
      <Question {...asked} dialog={dialog} danger={danger} />
    </>
  );
}

interface QuestionProps extends Pick<Props, 'question' | 'consequence' | 'action' | 'onConfirm' | 'danger'> {
  dialog: { current: HTMLDialogElement | null };
}

function Question({ dialog, question, consequence, action, onConfirm, danger }: QuestionProps) {
  const [problem, setProblem] = useState<string>();
  const id = useId();
  const close = () => dialog.current?.close();
  const [confirm, busy] = useAsyncAction(async () => {
    const refusal = await onConfirm();
    if (!refusal) close();
    else if (dialog.current?.open) setProblem(refusal);
    else say(refusal, 'bad');
  });

  return (
    <dialog ref={dialog} className="confirm" aria-labelledby={id} onClose={() => setProblem(undefined)}>
      <h2 id={id}>{question}</h2>
      {consequence && <p>{consequence}</p>}
      {problem && (
        <p className="notice bad" role="alert">
          {problem}
        </p>
      )}
      <div className="row">
        <button type="button" onClick={close}>
          Go back
        </button>
        <button type="button" className={danger ? 'danger' : 'primary'} aria-busy={busy} onClick={confirm}>
          {action}
        </button>
      </div>
    </dialog>
  );
}

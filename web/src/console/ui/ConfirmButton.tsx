import { useId, useRef, useState, type ReactNode } from 'react';
import { messages } from '../messages';
import { showToast } from './Toaster';
import { useAsyncAction } from './useAsyncAction';

interface Props {
  /** The content of the button. */
  trigger: ReactNode;
  /** Accessible name of the button, where its content is not enough. */
  label?: string;
  className?: string;
  question: string;
  consequence?: ReactNode;
  /** Label of the button that confirms the action in the dialog. */
  action: string;
  /** Resolves to an error message when it failed; the dialog then stays open and shows it. */
  onConfirm: () => Promise<string | void>;
  danger?: boolean;
}

/** A button that asks for confirmation first. */
export function ConfirmButton({ trigger, label, className, danger = false, ...dialogProps }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button
        type="button"
        className={className}
        aria-label={label}
        aria-haspopup="dialog"
        onClick={() => dialog.current?.showModal()}
      >
        {trigger}
      </button>
      <ConfirmDialog {...dialogProps} dialog={dialog} danger={danger} />
    </>
  );
}

interface DialogProps extends Pick<Props, 'question' | 'consequence' | 'action' | 'onConfirm' | 'danger'> {
  dialog: { current: HTMLDialogElement | null };
}

function ConfirmDialog({ dialog, question, consequence, action, onConfirm, danger }: DialogProps) {
  const [shownError, setShownError] = useState<string>();
  const id = useId();
  const close = () => dialog.current?.close();
  const [confirm, busy] = useAsyncAction(async () => {
    const errorMessage = await onConfirm();
    if (!errorMessage) close();
    else if (dialog.current?.open) setShownError(errorMessage);
    else showToast(errorMessage, 'error');
  });

  return (
    <dialog ref={dialog} className="confirm-dialog" aria-labelledby={id} onClose={() => setShownError(undefined)}>
      <h2 id={id}>{question}</h2>
      {consequence && <p>{consequence}</p>}
      {shownError && (
        <p className="notice error" role="alert">
          {shownError}
        </p>
      )}
      <div className="row">
        <button type="button" onClick={close}>
          {messages.common.cancel}
        </button>
        <button type="button" className={danger ? 'danger' : 'primary'} aria-busy={busy} onClick={confirm}>
          {action}
        </button>
      </div>
    </dialog>
  );
}

import { useId, type ReactNode } from 'react';

/** What a control needs to be tied to what is said about it. */
interface Described {
  'aria-describedby'?: string;
  'aria-invalid'?: true;
}

interface Props {
  label: string;
  hint?: ReactNode;
  /** What is wrong with what was entered. */
  problem?: string;
  children: (described: Described) => ReactNode;
}

/** A labelled control, with its hint and what is wrong with it. */
export function Field({ label, hint, problem, children }: Props) {
  const { described, notes } = useNotes(hint, problem);
  return (
    <div className="field-group">
      <label className="field">
        {label}
        {children(described)}
      </label>
      {notes}
    </div>
  );
}

/** For controls that no single label holds, such as a fieldset. */
export function useNotes(hint: ReactNode, problem: string | undefined) {
  const id = useId();
  const ids = [hint && `${id}hint`, problem && `${id}problem`].filter(Boolean).join(' ');
  const described: Described = { 'aria-describedby': ids || undefined, 'aria-invalid': problem ? true : undefined };
  const notes = (
    <>
      {hint && (
        <p id={`${id}hint`} className="hint">
          {hint}
        </p>
      )}
      {problem && (
        <p id={`${id}problem`} className="field-error" role="alert">
          {problem}
        </p>
      )}
    </>
  );
  return { described, notes };
}

import { useId, type ReactNode } from 'react';

/** Props that connect an input to its hint and error message. */
interface InputProps {
  'aria-describedby'?: string;
  'aria-invalid'?: true;
}

interface Props {
  label: string;
  hint?: ReactNode;
  errorMessage?: string;
  children: (inputProps: InputProps) => ReactNode;
}

/** A labelled input with a hint and an error message. */
export function Field({ label, hint, errorMessage, children }: Props) {
  const { inputProps, description } = useFieldDescription(hint, errorMessage);
  return (
    <div className="field-group">
      <label className="field">
        {label}
        {children(inputProps)}
      </label>
      {description}
    </div>
  );
}

/** For inputs without a single label, such as a fieldset. */
export function useFieldDescription(hint: ReactNode, errorMessage: string | undefined) {
  const id = useId();
  const ids = [hint && `${id}hint`, errorMessage && `${id}error`].filter(Boolean).join(' ');
  const inputProps: InputProps = {
    'aria-describedby': ids || undefined,
    'aria-invalid': errorMessage ? true : undefined,
  };
  const description = (
    <>
      {hint && (
        <p id={`${id}hint`} className="hint">
          {hint}
        </p>
      )}
      {errorMessage && (
        <p id={`${id}error`} className="field-error" role="alert">
          {errorMessage}
        </p>
      )}
    </>
  );
  return { inputProps, description };
}

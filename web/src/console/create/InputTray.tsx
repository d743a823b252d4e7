import { useRef } from 'react';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/IconButton';
import type { Input } from './draft';
import { useDraft } from './drafting';

const types = 'image/jpeg,image/png,image/webp';

/** The images to edit: chosen here, dropped, pasted, or taken from the gallery. */
export function InputTray({ most, problem }: { most: number; problem?: string }) {
  const { draft, addFiles } = useDraft();
  const picker = useRef<HTMLInputElement>(null);
  const tooMany = draft.inputs.length > most;

  return (
    <div className="tray">
      {draft.inputs.length > 0 && (
        <ul aria-label="Images to edit">
          {draft.inputs.map((input, index) => (
            <TrayItem key={input.key} input={input} number={index + 1} />
          ))}
        </ul>
      )}
      <input
        ref={picker}
        type="file"
        accept={types}
        multiple
        hidden
        onChange={({ target }) => {
          addFiles(target.files ?? []);
          target.value = '';
        }}
      />
      <button type="button" className="quiet" onClick={() => picker.current?.click()}>
        <Icon name="image" /> {draft.inputs.length > 0 ? 'Add another image' : 'Edit an image'}
      </button>
      {draft.inputs.length === 0 && <span className="hint wide">or drop or paste one here</span>}
      {(tooMany || problem) && (
        <p className="field-error" role="alert">
          {problem ?? `At most ${most} images can be edited at once.`}
        </p>
      )}
    </div>
  );
}

function TrayItem({ input, number }: { input: Input; number: number }) {
  const { key, name, preview, source, problem } = input;
  const { removeInput } = useDraft();
  const state = problem ? 'failed' : source ? 'ready' : 'sending';
  return (
    <li className={`tray-item ${state}`} aria-busy={state === 'sending'}>
      <img src={preview} alt={name} />
      <IconButton icon="close" label={`Do not edit image ${number}`} onClick={() => removeInput(key)} />
      {state === 'sending' && <span className="hint">Sending …</span>}
      {problem && (
        <span className="field-error" role="alert">
          {problem}
        </span>
      )}
    </li>
  );
}

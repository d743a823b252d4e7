import { useRef } from 'react';
import { messages } from '../messages';
import { Icon } from '../ui/Icon';
import { IconButton } from '../ui/IconButton';
import type { InputImage } from './draft';
import { useDraft } from './DraftProvider';

const acceptedTypes = 'image/jpeg,image/png,image/webp';

/** The images to edit: selected, dropped, pasted, or taken from the gallery. */
export function InputImages({ max, errorMessage }: { max: number; errorMessage?: string }) {
  const { draft, addFiles } = useDraft();
  const fileInput = useRef<HTMLInputElement>(null);
  const tooMany = draft.inputs.length > max;

  return (
    <div className="input-images">
      {draft.inputs.length > 0 && (
        <ul aria-label={messages.create.inputImages}>
          {draft.inputs.map((input, index) => (
            <InputImageItem key={input.key} input={input} number={index + 1} />
          ))}
        </ul>
      )}
      <input
        ref={fileInput}
        type="file"
        accept={acceptedTypes}
        multiple
        hidden
        onChange={({ target }) => {
          addFiles(target.files ?? []);
          target.value = '';
        }}
      />
      <button type="button" className="quiet" onClick={() => fileInput.current?.click()}>
        <Icon name="image" /> {draft.inputs.length > 0 ? messages.create.addImage : messages.create.addFirstImage}
      </button>
      {draft.inputs.length === 0 && <span className="hint desktop-only">{messages.create.dropHint}</span>}
      {(tooMany || errorMessage) && (
        <p className="field-error" role="alert">
          {errorMessage ?? messages.create.tooManyImages(max)}
        </p>
      )}
    </div>
  );
}

function InputImageItem({ input, number }: { input: InputImage; number: number }) {
  const { key, name, preview, source, errorMessage } = input;
  const { removeInputImage } = useDraft();
  const status = errorMessage ? 'failed' : source ? 'ready' : 'sending';
  return (
    <li className={`input-image ${status}`} aria-busy={status === 'sending'}>
      <img src={preview} alt={name} />
      <IconButton icon="close" label={messages.create.removeImage(number)} onClick={() => removeInputImage(key)} />
      {status === 'sending' && <span className="hint">{messages.create.uploading}</span>}
      {errorMessage && (
        <span className="field-error" role="alert">
          {errorMessage}
        </span>
      )}
    </li>
  );
}

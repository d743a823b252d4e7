import {
  useEffect,
  useMemo,
  useRef,
  useState,
  type DragEvent,
  type FormEvent,
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
} from 'react';
import { useCatalog } from '../gateway/CatalogProvider';
import { messages } from '../messages';
import { useFieldDescription } from '../ui/Field';
import { fieldErrorMessage, formErrorMessage } from '../ui/formError';
import { isFileDrag, isImageDrag, droppedImage } from '../ui/imageDrag';
import { availableOptions, dropUnsupported } from './availableOptions';
import { useDraft } from './DraftProvider';
import { InputImages } from './InputImages';
import { optionFields, Options } from './Options';
import { QuoteSummary } from './QuoteSummary';
import { usePastedFiles } from './usePastedFiles';
import { useQuote } from './useQuote';

/** The form for a new request. It offers only what a model supports, and shows the price before submission. */
export function Composer({ onSubmit }: { onSubmit: () => void }) {
  const { draft, change } = useSupportedDraft();
  const { models } = useCatalog();
  const { submission } = useDraft();
  const available = useMemo(() => availableOptions(models, draft), [models, draft]);
  const { quote, formError: quoteError } = useQuote(draft);
  const formError = submission.errorFor(draft) ?? quoteError;
  const canSubmit = draft.prompt.trim() !== '' && draft.inputs.every(({ source }) => source);

  const handleSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!canSubmit) return;
    onSubmit();
    void submission.submit(draft);
  };

  return (
    <DropArea>
      <form
        className="composer card"
        onSubmit={handleSubmit}
        onKeyDown={ignoreKeyRepeat}
        aria-label={messages.create.form}
      >
        <InputImages max={available.maxInputImages} errorMessage={fieldErrorMessage(formError, 'images')} />
        <PromptField
          prompt={draft.prompt}
          errorMessage={fieldErrorMessage(formError, 'prompt')}
          onChange={(prompt) => change({ prompt })}
        />
        <Options draft={draft} available={available} formError={formError} onChange={change} />
        <div className="row space-between">
          <QuoteSummary draft={draft} quote={quote} errorMessage={formErrorMessage(formError, shownFields)} />
          {/* Not disabled during submission: a disabled button loses the focus. */}
          <button
            type="submit"
            className="primary generate"
            disabled={!canSubmit}
            aria-busy={submission.sending}
            aria-keyshortcuts="Control+Enter"
            onClick={ignoreDoubleClick}
          >
            {messages.create.submit}
          </button>
        </div>
      </form>
    </DropArea>
  );
}

/** A double click submits once, and so does a held Enter key, except in the prompt, where it inserts new lines. */
const ignoreDoubleClick = (event: MouseEvent) => {
  if (event.detail > 1) event.preventDefault();
};
const ignoreKeyRepeat = (event: KeyboardEvent) => {
  const isText = event.target instanceof HTMLTextAreaElement;
  if (event.repeat && event.key === 'Enter' && !isText) event.preventDefault();
};

const shownFields = ['images', 'prompt', ...optionFields];

/** Resets options that no model supports together with the current images or model. */
function useSupportedDraft() {
  const { draft, change } = useDraft();
  const { models } = useCatalog();
  const supported = useMemo(() => (models.length > 0 ? dropUnsupported(models, draft) : draft), [models, draft]);
  useEffect(() => {
    const { model, aspectRatio, resolution, outputFormat, count } = supported;
    if (supported !== draft) change({ model, aspectRatio, resolution, outputFormat, count });
  }, [draft, supported, change]);
  return { draft: supported, change };
}

interface PromptProps {
  prompt: string;
  errorMessage?: string;
  onChange: (prompt: string) => void;
}

function PromptField({ prompt, errorMessage, onChange }: PromptProps) {
  const { focusRequested, clearFocusRequest } = useDraft();
  const { inputProps, description } = useFieldDescription(undefined, errorMessage);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (!focusRequested) return;
    field.current?.focus();
    clearFocusRequest();
  }, [focusRequested, clearFocusRequest]);
  const handleShortcut = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const isShortcut = event.key === 'Enter' && (event.metaKey || event.ctrlKey) && !event.repeat;
    if (isShortcut) event.currentTarget.form?.requestSubmit();
  };
  return (
    <div className="prompt">
      <label className="visually-hidden" htmlFor="prompt">
        {messages.create.prompt}
      </label>
      <textarea
        id="prompt"
        ref={field}
        rows={2}
        value={prompt}
        placeholder={messages.create.promptExample}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={handleShortcut}
        {...inputProps}
      />
      {description}
    </div>
  );
}

function DropArea({ children }: { children: ReactNode }) {
  const { addFiles, addDropped } = useDraft();
  const [isDragOver, setDragOver] = useState(false);
  usePastedFiles(addFiles);

  const handleDragOver = (event: DragEvent) => {
    if (!isFileDrag(event) && !isImageDrag(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    setDragOver(true);
  };
  const handleDragLeave = ({ currentTarget, relatedTarget }: DragEvent) => {
    if (!currentTarget.contains(relatedTarget as Node | null)) setDragOver(false);
  };
  const handleDrop = (event: DragEvent) => {
    event.preventDefault();
    setDragOver(false);
    const image = droppedImage(event);
    if (image) addDropped(image);
    else addFiles(event.dataTransfer.files);
  };
  return (
    <div
      className={isDragOver ? 'drop-area drag-over' : 'drop-area'}
      onDragOver={handleDragOver}
      onDragLeave={handleDragLeave}
      onDrop={handleDrop}
    >
      {children}
    </div>
  );
}

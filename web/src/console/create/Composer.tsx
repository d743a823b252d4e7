import {
  useEffect,
  useMemo,
  useRef,
  useState,
  type DragEvent,
  type FormEvent,
  type KeyboardEvent,
  type ReactNode,
} from 'react';
import { useOffers } from '../gateway/offers';
import { isFileDrag, isImageDrag, droppedImage } from '../ui/drag';
import { choicesFor, settle } from './choices';
import { useDraft, type Draft } from './draft';
import { InputTray } from './InputTray';
import { Options } from './Options';
import { QuoteLine } from './QuoteLine';
import { usePaste } from './usePaste';
import { useQuote } from './useQuote';
import { useSubmit } from './useSubmit';

/** Where a request is made. Only what a model can do is offered, and what it costs is said before it is spent. */
export function Composer() {
  const { draft, change } = useSettledDraft();
  const { models } = useOffers();
  const choices = useMemo(() => choicesFor(models, draft), [models, draft]);
  const { submit, sending, refusals: refused, clear } = useSubmit();
  const { quote, refusals: foreseen } = useQuote(draft);
  const refusals = { ...foreseen, ...refused };
  const waiting = draft.inputs.some(({ source }) => !source);
  const ready = draft.prompt.trim() !== '' && !waiting && !sending;

  const edit = (part: Partial<Draft>) => {
    clear();
    change(part);
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (ready) void submit(draft);
  };

  return (
    <DropArea>
      <form className="composer card" onSubmit={send} aria-label="New images">
        <InputTray most={choices.maxInputs} problem={refusals.images} />
        <PromptField prompt={draft.prompt} problem={refusals.prompt} onChange={(prompt) => edit({ prompt })} />
        <Options draft={draft} choices={choices} refusals={refusals} onChange={edit} />
        <div className="row spread">
          <QuoteLine draft={draft} quote={quote} refusals={refusals} />
          <button type="submit" className="primary generate" disabled={!ready} aria-keyshortcuts="Control+Enter">
            Generate
          </button>
        </div>
      </form>
    </DropArea>
  );
}

/** A choice that is no longer possible with the images or the model that came after it is let go of. */
function useSettledDraft() {
  const { draft, change } = useDraft();
  const { models } = useOffers();
  const settled = useMemo(() => (models.length > 0 ? settle(models, draft) : draft), [models, draft]);
  useEffect(() => {
    const { model, aspectRatio, resolution, outputFormat, count } = settled;
    const same =
      draft.model === model &&
      draft.aspectRatio === aspectRatio &&
      draft.resolution === resolution &&
      draft.outputFormat === outputFormat &&
      draft.count === count;
    if (!same) change({ model, aspectRatio, resolution, outputFormat, count });
  }, [draft, settled, change]);
  return { draft: settled, change };
}

interface PromptProps {
  prompt: string;
  problem?: string;
  onChange: (prompt: string) => void;
}

function PromptField({ prompt, problem, onChange }: PromptProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const { shown } = useDraft();
  useEffect(() => {
    if (shown > 0) field.current?.focus();
  }, [shown]);
  const sendOnEnter = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit();
  };
  return (
    <div className="prompt">
      <label className="unseen" htmlFor="prompt">
        Prompt
      </label>
      <textarea
        id="prompt"
        ref={field}
        rows={2}
        value={prompt}
        placeholder="A tin robot watering basil on a sunny window sill …"
        aria-invalid={problem ? true : undefined}
        aria-describedby={problem ? 'prompt-problem' : undefined}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={sendOnEnter}
      />
      {problem && (
        <p id="prompt-problem" className="field-error" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

function DropArea({ children }: { children: ReactNode }) {
  const { addFiles, addDropped } = useDraft();
  const [over, setOver] = useState(false);
  usePaste(addFiles);

  const allow = (event: DragEvent) => {
    if (!isFileDrag(event) && !isImageDrag(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    setOver(true);
  };
  const leave = ({ currentTarget, relatedTarget }: DragEvent) => {
    if (!currentTarget.contains(relatedTarget as Node | null)) setOver(false);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const image = droppedImage(event);
    if (image) addDropped(image);
    else addFiles(event.dataTransfer.files);
  };
  return (
    <div className={over ? 'drop-area over' : 'drop-area'} onDragOver={allow} onDragLeave={leave} onDrop={drop}>
      {children}
    </div>
  );
}

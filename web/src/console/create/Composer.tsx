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
import { isFileDrag, isImageDrag, droppedImage } from '../ui/imageDrag';
import { useFieldDescription } from '../ui/Field';
import { problemAt, problemElsewhere } from '../ui/refusal';
import { choicesFor, settle } from './choices';
import { useDraft } from './drafting';
import { InputTray } from './InputTray';
import { optionFields, Options } from './Options';
import { QuoteLine } from './QuoteLine';
import { usePaste } from './usePaste';
import { useQuote } from './useQuote';

/** Where a request is made. Only what a model can do is offered, and what it costs is said before it is spent. */
export function Composer({ onSubmit }: { onSubmit: () => void }) {
  const { draft, change } = useSettledDraft();
  const { models } = useCatalog();
  const { submission } = useDraft();
  const choices = useMemo(() => choicesFor(models, draft), [models, draft]);
  const { quote, refusal: foreseen } = useQuote(draft);
  const refusal = submission.refusalFor(draft) ?? foreseen;
  const ready = draft.prompt.trim() !== '' && draft.inputs.every(({ source }) => source);

  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    onSubmit();
    void submission.submit(draft);
  };

  return (
    <DropArea>
      <form className="composer card" onSubmit={send} onKeyDown={unlessHeld} aria-label="New images">
        <InputTray most={choices.maxInputs} problem={problemAt(refusal, 'images')} />
        <PromptField
          prompt={draft.prompt}
          problem={problemAt(refusal, 'prompt')}
          onChange={(prompt) => change({ prompt })}
        />
        <Options draft={draft} choices={choices} refusal={refusal} onChange={change} />
        <div className="row space-between">
          <QuoteLine draft={draft} quote={quote} problem={problemElsewhere(refusal, shownFields)} />
          {/* Not disabled while it is sent: that would take the focus away. */}
          <button
            type="submit"
            className="primary generate"
            disabled={!ready}
            aria-busy={submission.sending}
            aria-keyshortcuts="Control+Enter"
            onClick={once}
          >
            Generate
          </button>
        </div>
      </form>
    </DropArea>
  );
}

/** A double click is one wish, and so is Enter that is held on any control; in the text it makes new lines. */
const once = (event: MouseEvent) => {
  if (event.detail > 1) event.preventDefault();
};
const unlessHeld = (event: KeyboardEvent) => {
  const isText = event.target instanceof HTMLTextAreaElement;
  if (event.repeat && event.key === 'Enter' && !isText) event.preventDefault();
};

const shownFields = ['images', 'prompt', ...optionFields];

/** A choice that is no longer possible with the images or the model that came after it is let go of. */
function useSettledDraft() {
  const { draft, change } = useDraft();
  const { models } = useCatalog();
  const settled = useMemo(() => (models.length > 0 ? settle(models, draft) : draft), [models, draft]);
  useEffect(() => {
    const { model, aspectRatio, resolution, outputFormat, count } = settled;
    if (settled !== draft) change({ model, aspectRatio, resolution, outputFormat, count });
  }, [draft, settled, change]);
  return { draft: settled, change };
}

interface PromptProps {
  prompt: string;
  problem?: string;
  onChange: (prompt: string) => void;
}

function PromptField({ prompt, problem, onChange }: PromptProps) {
  const { coming, arrive } = useDraft();
  const { inputProps, description } = useFieldDescription(undefined, problem);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (!coming) return;
    field.current?.focus();
    arrive();
  }, [coming, arrive]);
  const sendOnEnter = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const asked = event.key === 'Enter' && (event.metaKey || event.ctrlKey) && !event.repeat;
    if (asked) event.currentTarget.form?.requestSubmit();
  };
  return (
    <div className="prompt">
      <label className="visually-hidden" htmlFor="prompt">
        Prompt
      </label>
      <textarea
        id="prompt"
        ref={field}
        rows={2}
        value={prompt}
        placeholder="A tin robot watering basil on a sunny window sill …"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={sendOnEnter}
        {...inputProps}
      />
      {description}
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

import { createContext, use, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import type { PictureFragment } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { toRelativeUrl } from '../gateway/urls';
import type { Task } from '../gateway/taskStore';
import { showToast } from '../ui/Toaster';
import { blank, shapeOf, withInput, type Draft, type Input } from './draft';
import { upload } from './upload';
import { useSubmit, type Submission } from './useSubmit';

interface Drafting {
  draft: Draft;
  /** Whether the user is on the way to the composer; `arrive` when they are there. */
  coming: boolean;
  arrive: () => void;
  submission: Submission;
  change: (part: Partial<Draft>) => void;
  addFiles: (files: Iterable<File>) => void;
  /** One of the viewer's images, of which only the id is known. */
  addDropped: (imageId: string) => void;
  removeInput: (key: string) => void;
  /** Goes to the composer, with this image as the one to edit. */
  edit: (image: PictureFragment, name: string) => void;
  /** Goes to the composer, with what this task was asked for. */
  reuse: (task: Pick<Task, 'kind' | 'prompt' | 'requestedImages' | 'aspectRatio' | 'resolution'>) => void;
}

const studio = '/';

const DraftContext = createContext<Drafting | null>(null);

/** Above the pages: what is being asked for outlives a look at another page. */
export function DraftProvider({ children }: { children: ReactNode }) {
  return <DraftContext value={useDrafting()}>{children}</DraftContext>;
}

export function useDraft(): Drafting {
  const drafting = use(DraftContext);
  if (!drafting) throw new Error('useDraft is for what is inside DraftProvider.');
  return drafting;
}

function useDrafting(): Drafting {
  const { client, tasks } = useGateway();
  const [path, go] = useLocation();
  const [draft, setDraft] = useState(blank);
  const [coming, setComing] = useState(false);
  const submission = useSubmit(path === studio ? draft : null);
  useReleasedFiles(draft.inputs);
  const change = useCallback((part: Partial<Draft>) => setDraft((last) => ({ ...last, ...part })), []);
  const put = useCallback(
    (input: Input) => setDraft((last) => ({ ...last, inputs: withInput(last.inputs, input) })),
    [],
  );
  // One that was removed while it was on its way stays removed.
  const settle = useCallback((key: string, part: Partial<Input>) => {
    const settled = (input: Input) => (input.key === key ? { ...input, ...part } : input);
    setDraft((last) => ({ ...last, inputs: last.inputs.map(settled) }));
  }, []);

  return useMemo(() => {
    const addFile = async (file: File) => {
      const preview = URL.createObjectURL(file);
      put({ key: preview, name: file.name, preview });
      settle(preview, await upload(client, file));
    };
    const come = () => {
      go(studio);
      setComing(true);
    };
    return {
      draft,
      coming,
      arrive: () => setComing(false),
      submission,
      change,
      addDropped: (imageId) => {
        const task = tasks.all.get().find(({ images }) => images.some(({ id }) => id === imageId));
        const image = task?.images.find(({ id }) => id === imageId);
        if (task && image) put(inputOf(image, task.prompt));
      },
      addFiles: (files) => void [...files].forEach(addFile),
      removeInput: (key) => setDraft((last) => ({ ...last, inputs: last.inputs.filter((input) => input.key !== key) })),
      edit: (image, name) => {
        change({ inputs: [inputOf(image, name)] });
        come();
      },
      reuse: ({ kind, prompt, requestedImages, aspectRatio, resolution }) => {
        change({ ...blank, prompt, count: requestedImages, aspectRatio: shapeOf(aspectRatio), resolution });
        if (kind === 'EDIT') showToast('Add the images to edit again.');
        come();
      },
    };
  }, [draft, coming, submission, client, tasks, go, change, put, settle]);
}

const inputOf = (image: PictureFragment, name: string): Input => ({
  key: image.id,
  name,
  preview: toRelativeUrl(image.thumbnail),
  source: { imageId: image.id },
});

/** A file's bytes stay in memory as long as they have an address, which is the key of what was made of it. */
function useReleasedFiles(inputs: Input[]) {
  const held = useRef<string[]>([]);
  useEffect(() => {
    const keys = inputs.map(({ key }) => key);
    held.current.filter((key) => !keys.includes(key)).forEach(URL.revokeObjectURL);
    held.current = keys;
  }, [inputs]);
  useEffect(() => () => held.current.forEach(URL.revokeObjectURL), []);
}

import { createContext, use, useCallback, useMemo, useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import type { OutputFormat, PictureFragment, Resolution } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { onThisHost } from '../gateway/links';
import type { Task } from '../gateway/tasks';
import { say } from '../ui/messages';
import { upload } from './upload';
import { useSubmit, type Submission } from './useSubmit';

/** What is being asked for. Null leaves it to the model, or the model to the gateway. */
export interface Draft {
  prompt: string;
  model: string | null;
  aspectRatio: string | null;
  resolution: Resolution | null;
  outputFormat: OutputFormat | null;
  count: number;
  boardId: string | null;
  inputs: Input[];
}

/** An image to edit. Without `source` it is on its way, or `problem` says why it is not. */
export interface Input {
  key: string;
  name: string;
  preview: string;
  source?: { imageId: string } | { uploadId: string };
  problem?: string;
}

const blank: Draft = {
  prompt: '',
  model: null,
  aspectRatio: null,
  resolution: null,
  outputFormat: null,
  count: 1,
  boardId: null,
  inputs: [],
};

interface Drafting {
  draft: Draft;
  /** Whether the user is on the way to the composer; `arrive` when they are there. */
  coming: boolean;
  arrive: () => void;
  submission: Submission;
  change: (part: Partial<Draft>) => void;
  addImage: (image: PictureFragment, name: string) => void;
  addFiles: (files: Iterable<File>) => void;
  /** One of the viewer's images, of which only the id is known. */
  addDropped: (imageId: string) => void;
  removeInput: (key: string) => void;
  /** Goes to the composer, with this image as the one to edit. */
  edit: (image: PictureFragment, name: string) => void;
  /** Goes to the composer, with what this task was asked for. */
  reuse: (task: Pick<Task, 'kind' | 'prompt' | 'requestedImages' | 'aspectRatio' | 'resolution'>) => void;
}

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
  const [, go] = useLocation();
  const [draft, setDraft] = useState(blank);
  const [coming, setComing] = useState(false);
  const submission = useSubmit();
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
    const addImage = (image: PictureFragment, name: string) =>
      put({ key: image.id, name, preview: onThisHost(image.thumbnail), source: { imageId: image.id } });
    const addFile = async (file: File) => {
      const preview = URL.createObjectURL(file);
      put({ key: preview, name: file.name, preview });
      settle(preview, await upload(client, file));
    };
    const come = () => {
      go('/');
      setComing(true);
    };
    return {
      draft,
      coming,
      arrive: () => setComing(false),
      submission,
      change,
      addImage,
      addDropped: (imageId) => {
        const task = tasks.all.get().find(({ images }) => images.some(({ id }) => id === imageId));
        const image = task?.images.find(({ id }) => id === imageId);
        if (task && image) addImage(image, task.prompt);
      },
      addFiles: (files) => void [...files].forEach(addFile),
      removeInput: (key) => {
        // Of a file it is the address of its bytes, which stay in memory until then; of an image it is none.
        URL.revokeObjectURL(key);
        setDraft((last) => ({ ...last, inputs: last.inputs.filter((input) => input.key !== key) }));
      },
      edit: (image, name) => {
        addImage(image, name);
        come();
      },
      reuse: ({ kind, prompt, requestedImages, aspectRatio, resolution }) => {
        change({ prompt, count: requestedImages, aspectRatio: shapeOf(aspectRatio), resolution, inputs: [] });
        if (kind === 'EDIT') say('Add the images to edit again.');
        come();
      },
    };
  }, [draft, coming, submission, client, tasks, go, change, put, settle]);
}

/** `auto` is what a model does when nothing is said. */
const shapeOf = (aspectRatio: string | null) => (aspectRatio === 'auto' ? null : aspectRatio);

const withInput = (inputs: Input[], input: Input) =>
  inputs.some(({ key }) => key === input.key) ? inputs : [...inputs, input];

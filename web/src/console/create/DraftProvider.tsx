import { createContext, use, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import type { ImageFieldsFragment } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import type { Task } from '../gateway/taskStore';
import { toRelativeUrl } from '../gateway/urls';
import { messages } from '../messages';
import { showToast } from '../ui/Toaster';
import { emptyDraft, explicitAspectRatio, withInputImage, type Draft, type InputImage } from './draft';
import { upload } from './upload';
import { useSubmit, type Submission } from './useSubmit';

interface DraftContextValue {
  draft: Draft;
  /** Asks the composer to focus the prompt when it mounts. */
  focusRequested: boolean;
  clearFocusRequest: () => void;
  submission: Submission;
  change: (changes: Partial<Draft>) => void;
  addFiles: (files: Iterable<File>) => void;
  /** Adds one of the viewer's images by its id. */
  addDropped: (imageId: string) => void;
  removeInputImage: (key: string) => void;
  /** Opens the composer with this image as input. */
  edit: (image: ImageFieldsFragment, name: string) => void;
  /** Opens the composer with the prompt and options of this task. */
  reuse: (task: Pick<Task, 'kind' | 'prompt' | 'requestedImages' | 'aspectRatio' | 'resolution'>) => void;
}

const composerPath = '/';

const DraftContext = createContext<DraftContextValue | null>(null);

/** Keeps the draft while the user visits other pages. */
export function DraftProvider({ children }: { children: ReactNode }) {
  return <DraftContext value={useDraftState()}>{children}</DraftContext>;
}

export function useDraft(): DraftContextValue {
  const context = use(DraftContext);
  if (!context) throw new Error('useDraft must be used inside DraftProvider.');
  return context;
}

function useDraftState(): DraftContextValue {
  const { client, tasks } = useGateway();
  const [path, navigate] = useLocation();
  const [draft, setDraft] = useState(emptyDraft);
  const [focusRequested, setFocusRequested] = useState(false);
  const submission = useSubmit(path === composerPath ? draft : null);
  useRevokedObjectUrls(draft.inputs);
  const change = useCallback((changes: Partial<Draft>) => setDraft((last) => ({ ...last, ...changes })), []);
  const addInputImage = useCallback(
    (input: InputImage) => setDraft((last) => ({ ...last, inputs: withInputImage(last.inputs, input) })),
    [],
  );
  // An image that was removed during its upload stays removed.
  const updateInputImage = useCallback((key: string, changes: Partial<InputImage>) => {
    const updated = (input: InputImage) => (input.key === key ? { ...input, ...changes } : input);
    setDraft((last) => ({ ...last, inputs: last.inputs.map(updated) }));
  }, []);

  return useMemo(() => {
    const addFile = async (file: File) => {
      const preview = URL.createObjectURL(file);
      addInputImage({ key: preview, name: file.name, preview });
      updateInputImage(preview, await upload(client, file));
    };
    const openComposer = () => {
      navigate(composerPath);
      setFocusRequested(true);
    };
    return {
      draft,
      focusRequested,
      clearFocusRequest: () => setFocusRequested(false),
      submission,
      change,
      addDropped: (imageId) => {
        const task = tasks.all.get().find(({ images }) => images.some(({ id }) => id === imageId));
        const image = task?.images.find(({ id }) => id === imageId);
        if (task && image) addInputImage(toInputImage(image, task.prompt));
      },
      addFiles: (files) => void [...files].forEach(addFile),
      removeInputImage: (key) =>
        setDraft((last) => ({ ...last, inputs: last.inputs.filter((input) => input.key !== key) })),
      edit: (image, name) => {
        change({ inputs: [toInputImage(image, name)] });
        openComposer();
      },
      reuse: ({ kind, prompt, requestedImages, aspectRatio, resolution }) => {
        change({
          ...emptyDraft,
          prompt,
          count: requestedImages,
          aspectRatio: explicitAspectRatio(aspectRatio),
          resolution,
        });
        if (kind === 'EDIT') showToast(messages.create.addImagesAgain);
        openComposer();
      },
    };
  }, [draft, focusRequested, submission, client, tasks, navigate, change, addInputImage, updateInputImage]);
}

const toInputImage = (image: ImageFieldsFragment, name: string): InputImage => ({
  key: image.id,
  name,
  preview: toRelativeUrl(image.thumbnail),
  source: { imageId: image.id },
});

/** Object URLs keep the bytes of a file in memory until they are revoked. They are the keys of uploaded images. */
function useRevokedObjectUrls(inputs: InputImage[]) {
  const previousKeys = useRef<string[]>([]);
  useEffect(() => {
    const keys = inputs.map(({ key }) => key);
    previousKeys.current.filter((key) => !keys.includes(key)).forEach(URL.revokeObjectURL);
    previousKeys.current = keys;
  }, [inputs]);
  useEffect(() => () => previousKeys.current.forEach(URL.revokeObjectURL), []);
}

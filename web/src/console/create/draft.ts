import type { OutputFormat, Resolution } from '../../gql/graphql';

/** A request that is not submitted yet. Null leaves an option to the model, or the model to the gateway. */
export interface Draft {
  prompt: string;
  model: string | null;
  aspectRatio: string | null;
  resolution: Resolution | null;
  outputFormat: OutputFormat | null;
  count: number;
  boardId: string | null;
  inputs: InputImage[];
}

/** An image to edit. Without a `source` it is still uploading, or failed with `errorMessage`. */
export interface InputImage {
  key: string;
  name: string;
  preview: string;
  source?: { imageId: string } | { uploadId: string };
  errorMessage?: string;
}

export const emptyDraft: Draft = {
  prompt: '',
  model: null,
  aspectRatio: null,
  resolution: null,
  outputFormat: null,
  count: 1,
  boardId: null,
  inputs: [],
};

/** `auto` is the default of a model, like null. */
export const explicitAspectRatio = (aspectRatio: string | null) => (aspectRatio === 'auto' ? null : aspectRatio);

export const withInputImage = (inputs: InputImage[], input: InputImage) =>
  inputs.some(({ key }) => key === input.key) ? inputs : [...inputs, input];

import type { EditImagesInput, GenerateImagesInput } from '../../gql/graphql';
import type { Draft } from './draft';

type Request = { edit: EditImagesInput; generate?: undefined } | { generate: GenerateImagesInput; edit?: undefined };

/** The input of `generateImages`, or of `editImages` when there are images to edit. */
export function requestOf(draft: Draft): Request {
  const { prompt, model, aspectRatio, resolution, outputFormat, count, boardId } = draft;
  const common = { prompt, model, aspectRatio, resolution, outputFormat, count, boardId };
  const images = draft.inputs.flatMap(({ source }) => source ?? []);
  return images.length > 0 ? { edit: { ...common, images } } : { generate: common };
}

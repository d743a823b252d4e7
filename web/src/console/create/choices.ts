import type { Model } from '../gateway/CatalogProvider';
import type { Draft } from './draft';

/** What may still be chosen, given all the rest that is chosen. */
export interface Choices {
  models: Model[];
  aspectRatios: string[];
  resolutions: Model['resolutions'];
  outputFormats: Model['outputFormats'];
  maxImages: number;
  maxInputs: number;
}

type Asked = Pick<Draft, 'model' | 'aspectRatio' | 'resolution' | 'outputFormat' | 'count' | 'inputs'>;
type Field = 'model' | 'aspectRatio' | 'resolution' | 'outputFormat' | 'count';

const order: readonly Field[] = ['model', 'aspectRatio', 'resolution', 'outputFormat', 'count'];
const unset = { model: null, aspectRatio: null, resolution: null, outputFormat: null, count: 1 };

/**
 * Something is offered when a model can do it together with the rest; that model is the gateway's to find. One that is
 * not available for a while takes no choice away: the quote says what can be had right now.
 */
export function choicesFor(models: readonly Model[], asked: Asked): Choices {
  const without = (field: Field) => candidates(models, { ...asked, [field]: unset[field] });
  return {
    models: without('model'),
    aspectRatios: union(without('aspectRatio').map((model) => model.aspectRatios)).filter((ratio) => ratio !== 'auto'),
    resolutions: union(without('resolution').map((model) => model.resolutions)),
    outputFormats: union(without('outputFormat').map((model) => model.outputFormats)),
    maxImages: Math.max(1, ...without('count').map((model) => model.maxImages)),
    maxInputs: Math.max(0, ...candidates(models, { ...asked, inputs: [] }).map(inputsOf)),
  };
}

/** Lets go of what no model can do together with what was chosen before it; the same object when that is nothing. */
export function settle<T extends Asked>(models: readonly Model[], asked: T): T {
  let settled = { ...asked, ...unset };
  // Too many images to edit, for example: that is for the user to mend, and no reason to forget the rest.
  if (candidates(models, settled).length === 0) return asked;
  for (const field of order) {
    const next = { ...settled, [field]: asked[field] };
    if (candidates(models, next).length > 0) settled = next;
  }
  return order.every((field) => settled[field] === asked[field]) ? asked : settled;
}

function candidates(models: readonly Model[], asked: Asked): Model[] {
  return models.filter((model) => fits(model, asked));
}

function fits(model: Model, asked: Asked): boolean {
  const kind = asked.inputs.length > 0 ? 'EDIT' : 'GENERATE';
  return (
    model.kinds.includes(kind) &&
    (asked.model === null || model.id === asked.model) &&
    (asked.aspectRatio === null || model.aspectRatios.includes(asked.aspectRatio)) &&
    (asked.resolution === null || model.resolutions.includes(asked.resolution)) &&
    (asked.outputFormat === null || model.outputFormats.includes(asked.outputFormat)) &&
    asked.count <= model.maxImages &&
    asked.inputs.length <= inputsOf(model)
  );
}

const inputsOf = (model: Model) => (model.kinds.includes('EDIT') ? model.maxInputImages : 0);

function union<T>(lists: readonly (readonly T[])[]): T[] {
  return [...new Set(lists.flat())];
}

import type { Model } from '../gateway/CatalogProvider';
import type { Draft } from './draft';

/** The values that can be selected, given the other options. */
export interface AvailableOptions {
  models: Model[];
  aspectRatios: string[];
  resolutions: Model['resolutions'];
  outputFormats: Model['outputFormats'];
  maxImages: number;
  maxInputImages: number;
}

type Selection = Pick<Draft, 'model' | 'aspectRatio' | 'resolution' | 'outputFormat' | 'count' | 'inputs'>;
type Field = 'model' | 'aspectRatio' | 'resolution' | 'outputFormat' | 'count';

const order: readonly Field[] = ['model', 'aspectRatio', 'resolution', 'outputFormat', 'count'];
const unset = { model: null, aspectRatio: null, resolution: null, outputFormat: null, count: 1 };

/**
 * A value is available if some model supports it together with the other options; the gateway picks that model. A model
 * that is temporarily unavailable still counts: the quote says what is possible right now.
 */
export function availableOptions(models: readonly Model[], selection: Selection): AvailableOptions {
  const without = (field: Field) => candidates(models, { ...selection, [field]: unset[field] });
  return {
    models: without('model'),
    aspectRatios: uniqueValues(without('aspectRatio').map((model) => model.aspectRatios)).filter(
      (ratio) => ratio !== 'auto',
    ),
    resolutions: uniqueValues(without('resolution').map((model) => model.resolutions)),
    outputFormats: uniqueValues(without('outputFormat').map((model) => model.outputFormats)),
    maxImages: Math.max(1, ...without('count').map((model) => model.maxImages)),
    maxInputImages: Math.max(0, ...candidates(models, { ...selection, inputs: [] }).map(maxInputImagesOf)),
  };
}

/**
 * Resets options that no model supports together with the options before them. Returns the same object if nothing
 * changes.
 */
export function dropUnsupported<T extends Selection>(models: readonly Model[], selection: T): T {
  let supported = { ...selection, ...unset };
  // No model fits, for example because there are too many images. The user has to fix that; keep the other options.
  if (candidates(models, supported).length === 0) return selection;
  for (const field of order) {
    const next = { ...supported, [field]: selection[field] };
    if (candidates(models, next).length > 0) supported = next;
  }
  return order.every((field) => supported[field] === selection[field]) ? selection : supported;
}

function candidates(models: readonly Model[], selection: Selection): Model[] {
  return models.filter((model) => supports(model, selection));
}

function supports(model: Model, selection: Selection): boolean {
  const kind = selection.inputs.length > 0 ? 'EDIT' : 'GENERATE';
  return (
    model.kinds.includes(kind) &&
    (selection.model === null || model.id === selection.model) &&
    (selection.aspectRatio === null || model.aspectRatios.includes(selection.aspectRatio)) &&
    (selection.resolution === null || model.resolutions.includes(selection.resolution)) &&
    (selection.outputFormat === null || model.outputFormats.includes(selection.outputFormat)) &&
    selection.count <= model.maxImages &&
    selection.inputs.length <= maxInputImagesOf(model)
  );
}

const maxInputImagesOf = (model: Model) => (model.kinds.includes('EDIT') ? model.maxInputImages : 0);

function uniqueValues<T>(lists: readonly (readonly T[])[]): T[] {
  return [...new Set(lists.flat())];
}

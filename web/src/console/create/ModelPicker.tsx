import { useCatalog, type Model } from '../gateway/CatalogProvider';
import { messages } from '../messages';
import { formatCredits } from '../ui/formatCredits';

interface Props {
  selected: string | null;
  /** Models that support the other options. */
  selectable: Model[];
  onChange: (model: string | null) => void;
}

export function ModelPicker({ selected, selectable, onChange }: Props) {
  const { models } = useCatalog();
  return (
    <fieldset className="models">
      <legend className="visually-hidden">{messages.common.model}</legend>
      <label>
        <input type="radio" name="model" checked={selected === null} onChange={() => onChange(null)} />
        <span className="model-name">{messages.create.anyModel}</span>
        <span className="hint">{messages.create.anyModelHint}</span>
      </label>
      {models.map((model) => (
        <ModelOption
          key={model.id}
          model={model}
          selected={selected === model.id}
          selectable={selectable.some(({ id }) => id === model.id)}
          onSelect={() => onChange(model.id)}
        />
      ))}
    </fieldset>
  );
}

interface ModelOptionProps {
  model: Model;
  selected: boolean;
  selectable: boolean;
  onSelect: () => void;
}

function ModelOption({ model, selected, selectable, onSelect }: ModelOptionProps) {
  return (
    <label className={selectable ? undefined : 'unavailable'}>
      <input type="radio" name="model" checked={selected} disabled={!selectable} onChange={onSelect} />
      <span className="model-name">{model.id}</span>
      <span className="price">{formatCredits(model.creditsPerImage)}</span>
      <span className="hint">
        {[messages.common.provider(model.provider), ...capabilities(model)].join(' · ')}
        {!model.available && <span className="chip error">{messages.create.modelUnavailable}</span>}
      </span>
    </label>
  );
}

function capabilities({ kinds, maxImages, maxInputImages, resolutions }: Model): string[] {
  return [
    kinds.includes('GENERATE') ? messages.create.maxImages(maxImages) : messages.create.editsOnly,
    kinds.includes('EDIT') ? messages.create.maxInputImages(maxInputImages) : '',
    resolutions.length > 1 ? resolutions.map((each) => messages.create.resolutions[each]).join(', ') : '',
  ].filter(Boolean);
}

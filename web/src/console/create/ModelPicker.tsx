import { useCatalog, type Model } from '../gateway/CatalogProvider';
import { providerNames } from '../gateway/providers';

interface Props {
  selected: string | null;
  /** Those that can do what is asked for. */
  selectable: Model[];
  onChange: (model: string | null) => void;
}

export function ModelPicker({ selected, selectable, onChange }: Props) {
  const { models } = useCatalog();
  return (
    <fieldset className="models">
      <legend className="visually-hidden">Model</legend>
      <label>
        <input type="radio" name="model" checked={selected === null} onChange={() => onChange(null)} />
        <span className="model-name">Automatic</span>
        <span className="hint">the cheapest that can do it and is available</span>
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
      <span className="price">{model.creditsPerImage} credits</span>
      <span className="hint">
        {[providerNames[model.provider], ...capabilities(model)].join(' · ')}
        {!model.available && <span className="chip error">not available now</span>}
      </span>
    </label>
  );
}

function capabilities({ kinds, maxImages, maxInputImages, resolutions }: Model): string[] {
  return [
    kinds.includes('GENERATE') ? `up to ${maxImages} at once` : 'edits only',
    kinds.includes('EDIT') ? `edits up to ${maxInputImages} ${maxInputImages === 1 ? 'image' : 'images'}` : '',
    resolutions.length > 1 ? resolutions.map((each) => each.slice(1)).join(', ') : '',
  ].filter(Boolean);
}

import { useCatalog, type Model } from '../gateway/CatalogProvider';
import { providerNames } from '../gateway/providers';

interface Props {
  chosen: string | null;
  /** Those that can do what is asked for. */
  offered: Model[];
  onChange: (model: string | null) => void;
}

export function ModelPicker({ chosen, offered, onChange }: Props) {
  const { models } = useCatalog();
  return (
    <fieldset className="models">
      <legend className="visually-hidden">Model</legend>
      <label>
        <input type="radio" name="model" checked={chosen === null} onChange={() => onChange(null)} />
        <span className="model-name">Automatic</span>
        <span className="hint">the cheapest that can do it and is available</span>
      </label>
      {models.map((model) => (
        <ModelChoice
          key={model.id}
          model={model}
          chosen={chosen === model.id}
          offered={offered.some(({ id }) => id === model.id)}
          onPick={() => onChange(model.id)}
        />
      ))}
    </fieldset>
  );
}

interface ChoiceProps {
  model: Model;
  chosen: boolean;
  offered: boolean;
  onPick: () => void;
}

function ModelChoice({ model, chosen, offered, onPick }: ChoiceProps) {
  return (
    <label className={offered ? undefined : 'off'}>
      <input type="radio" name="model" checked={chosen} disabled={!offered} onChange={onPick} />
      <span className="model-name">{model.id}</span>
      <span className="price">{model.creditsPerImage} credits</span>
      <span className="hint">
        {[providerNames[model.provider], ...abilities(model)].join(' · ')}
        {!model.available && <span className="chip error">not available now</span>}
      </span>
    </label>
  );
}

function abilities({ kinds, maxImages, maxInputImages, resolutions }: Model): string[] {
  return [
    kinds.includes('GENERATE') ? `up to ${maxImages} at once` : 'edits only',
    kinds.includes('EDIT') ? `edits up to ${maxInputImages} ${maxInputImages === 1 ? 'image' : 'images'}` : '',
    resolutions.length > 1 ? resolutions.map((each) => each.slice(1)).join(', ') : '',
  ].filter(Boolean);
}

import { messages } from '../messages';
import { parseAspectRatio } from '../ui/aspectRatio';

interface Props {
  selected: string | null;
  aspectRatios: string[];
  onChange: (ratio: string | null) => void;
}

export function AspectRatioPicker({ selected, aspectRatios, onChange }: Props) {
  const widestFirst = aspectRatios.toSorted((a, b) => parseAspectRatio(b) - parseAspectRatio(a));
  return (
    <fieldset className="aspect-ratios">
      <legend className="visually-hidden">{messages.common.aspectRatio}</legend>
      {[null, ...widestFirst].map((ratio) => (
        <label key={ratio}>
          <input type="radio" name="aspectRatio" checked={selected === ratio} onChange={() => onChange(ratio)} />
          <span className="aspect-ratio-box" aria-hidden="true">
            <span
              className={ratio ? 'aspect-ratio' : 'aspect-ratio any'}
              style={ratio ? { aspectRatio: parseAspectRatio(ratio) } : undefined}
            />
          </span>
          {ratio ?? messages.common.auto}
        </label>
      ))}
    </fieldset>
  );
}

import { parseAspectRatio } from '../ui/aspectRatio';

interface Props {
  chosen: string | null;
  offered: string[];
  onChange: (ratio: string | null) => void;
}

export function ShapePicker({ chosen, offered, onChange }: Props) {
  const widestFirst = offered.toSorted((a, b) => parseAspectRatio(b) - parseAspectRatio(a));
  return (
    <fieldset className="shapes">
      <legend className="visually-hidden">Shape</legend>
      {[null, ...widestFirst].map((ratio) => (
        <label key={ratio}>
          <input type="radio" name="shape" checked={chosen === ratio} onChange={() => onChange(ratio)} />
          <span className="shape-box" aria-hidden="true">
            <span
              className={ratio ? 'shape' : 'shape any'}
              style={ratio ? { aspectRatio: parseAspectRatio(ratio) } : undefined}
            />
          </span>
          {ratio ?? 'Auto'}
        </label>
      ))}
    </fieldset>
  );
}

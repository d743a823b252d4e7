import type { Model } from '../gateway/offers';
import { creditFigure } from '../ui/credits';

export function ModelTable({ models }: { models: readonly Model[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col" className="figure">
            Credits an image
          </th>
        </tr>
      </thead>
      <tbody>
        {models.map((model) => (
          <tr key={model.id}>
            <th scope="row">
              {model.id}
              <span className="hint">{abilities(model)}</span>
            </th>
            <td className="figure">{creditFigure(model.creditsPerImage)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function abilities({ kinds, maxImages, maxInputImages }: Model): string {
  const images = maxImages === 1 ? 'One image a task' : `Up to ${maxImages} images a task`;
  if (!kinds.includes('EDIT')) return `${images}, no editing`;
  const inputs = maxInputImages === 1 ? 'one' : `up to ${maxInputImages}`;
  return `${images}, ${kinds.includes('GENERATE') ? 'edits' : 'only edits'} ${inputs}`;
}

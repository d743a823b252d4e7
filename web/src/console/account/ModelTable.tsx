import type { Model } from '../gateway/offers';
import { creditFigure } from '../ui/credits';

export function ModelTable({ models, caption }: { models: readonly Model[]; caption: string }) {
  return (
    <table className="models">
      <caption className="unseen">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col">Can</th>
          <th scope="col" className="figure">
            Images a task
          </th>
          <th scope="col" className="figure">
            Credits an image
          </th>
        </tr>
      </thead>
      <tbody>
        {models.map((model) => (
          <tr key={model.id}>
            <th scope="row">{model.id}</th>
            <td>{abilities(model)}</td>
            <td className="figure">{model.maxImages === 1 ? '1' : `1 to ${model.maxImages}`}</td>
            <td className="figure">{creditFigure(model.creditsPerImage)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function abilities({ kinds, maxInputImages }: Model): string {
  const edits = maxInputImages === 1 ? 'edit one' : `edit up to ${maxInputImages}`;
  const can = [kinds.includes('GENERATE') && 'make', kinds.includes('EDIT') && edits];
  return can.filter(Boolean).join(', ');
}

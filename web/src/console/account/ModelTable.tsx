import type { Model } from '../gateway/CatalogProvider';
import { formatCredits } from '../ui/formatCredits';

export function ModelTable({ models }: { models: readonly Model[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Model, and images a task</th>
          <th scope="col" className="figure">
            Per image
          </th>
        </tr>
      </thead>
      <tbody>
        {models.map((model) => (
          <tr key={model.id}>
            <th scope="row">
              {model.id}
              <span className="hint">{capabilities(model)}</span>
            </th>
            <td className="figure">{formatCredits(model.creditsPerImage)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function capabilities({ kinds, maxImages, maxInputImages }: Model): string {
  const upTo = (max: number) => (max === 1 ? 'one' : `up to ${max}`);
  const makes = kinds.includes('GENERATE') && `makes ${upTo(maxImages)}`;
  const edits = kinds.includes('EDIT') && `edits ${upTo(maxInputImages)}`;
  return [makes, edits].filter(Boolean).join(', ');
}

import type { Model } from '../gateway/CatalogProvider';
import { messages } from '../messages';
import { formatCredits } from '../ui/formatCredits';

export function ModelTable({ models }: { models: readonly Model[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{messages.account.models}</th>
          <th scope="col" className="figure">
            {messages.account.price}
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
  const makes = kinds.includes('GENERATE') && messages.account.generates(maxImages);
  const edits = kinds.includes('EDIT') && messages.account.edits(maxInputImages);
  return [makes, edits].filter(Boolean).join(', ');
}

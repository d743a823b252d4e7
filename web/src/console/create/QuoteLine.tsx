import type { QuoteQuery } from '../../gql/graphql';
import type { Draft } from './draft';
import type { Refusals } from './refusals';

interface Props {
  draft: Draft;
  quote?: QuoteQuery['quote'];
  refusals: Refusals;
}

/** What it would cost and how long it should take, or why it cannot be had. */
export function QuoteLine({ draft, quote, refusals }: Props) {
  const problem = refusals.credits ?? refusals.other;
  if (problem) {
    return (
      <p className="field-error" role="alert">
        {problem}
      </p>
    );
  }
  if (!quote) return <p className="hint">Ctrl or ⌘ with Enter sends it.</p>;
  return (
    <p className="quote" role="status">
      <strong>{quote.credits}</strong> {quote.credits === 1 ? 'credit' : 'credits'}
      {draft.model === null && ` · ${quote.model.id}`}
      {quote.etaSeconds !== null && ` · about ${quote.etaSeconds} s`}
      {!quote.affordable && <span className="chip bad">more than there is left</span>}
    </p>
  );
}

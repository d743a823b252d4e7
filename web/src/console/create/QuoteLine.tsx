import { formatCreditAmount } from '../ui/formatCredits';
import type { Draft } from './draft';
import type { Quote } from './useQuote';

interface Props {
  draft: Draft;
  quote?: Quote;
  problem?: string;
}

/** What it would cost and how long it should take, or why it cannot be had. */
export function QuoteLine({ draft, quote, problem }: Props) {
  return (
    <p className={problem ? 'field-error' : 'quote'} role="status">
      {problem ?? (quote ? <Price quote={quote} chosen={draft.model !== null} /> : <Hint />)}
    </p>
  );
}

const Hint = () => <span className="hint">Ctrl or ⌘ with Enter sends it.</span>;

function Price({ quote, chosen }: { quote: Quote; chosen: boolean }) {
  return (
    <>
      <strong>{formatCreditAmount(quote.credits)}</strong> {quote.credits === 1 ? 'credit' : 'credits'}
      {!chosen && ` · ${quote.model.id}`}
      {quote.etaSeconds !== null && ` · about ${quote.etaSeconds} s`}
      {!quote.affordable && <span className="chip error">more than there is left</span>}
    </>
  );
}

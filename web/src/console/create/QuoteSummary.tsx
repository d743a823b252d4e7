import { formatCreditAmount } from '../ui/formatCredits';
import type { Draft } from './draft';
import type { Quote } from './useQuote';

interface Props {
  draft: Draft;
  quote?: Quote;
  errorMessage?: string;
}

/** What it would cost and how long it should take, or why it cannot be had. */
export function QuoteSummary({ draft, quote, errorMessage }: Props) {
  return (
    <p className={errorMessage ? 'field-error' : 'quote'} role="status">
      {errorMessage ?? (quote ? <Price quote={quote} modelSelected={draft.model !== null} /> : <Hint />)}
    </p>
  );
}

const Hint = () => <span className="hint">Ctrl or ⌘ with Enter sends it.</span>;

function Price({ quote, modelSelected }: { quote: Quote; modelSelected: boolean }) {
  return (
    <>
      <strong>{formatCreditAmount(quote.credits)}</strong> {quote.credits === 1 ? 'credit' : 'credits'}
      {!modelSelected && ` · ${quote.model.id}`}
      {quote.etaSeconds !== null && ` · about ${quote.etaSeconds} s`}
      {!quote.affordable && <span className="chip error">more than there is left</span>}
    </>
  );
}

import { messages } from '../messages';
import { formatCreditAmount } from '../ui/formatCredits';
import type { Draft } from './draft';
import type { Quote } from './useQuote';

interface Props {
  draft: Draft;
  quote?: Quote;
  errorMessage?: string;
}

/** The price and expected duration, or why the request would be rejected. */
export function QuoteSummary({ draft, quote, errorMessage }: Props) {
  return (
    <p className={errorMessage ? 'field-error' : 'quote'} role="status">
      {errorMessage ?? (quote ? <Price quote={quote} modelSelected={draft.model !== null} /> : <Hint />)}
    </p>
  );
}

const Hint = () => <span className="hint">{messages.create.shortcut}</span>;

function Price({ quote, modelSelected }: { quote: Quote; modelSelected: boolean }) {
  const amount = formatCreditAmount(quote.credits);
  return (
    <>
      <strong>{amount}</strong> {messages.common.creditsUnit(amount)}
      {!modelSelected && ` · ${quote.model.id}`}
      {quote.etaSeconds !== null && ` · ${messages.create.eta(quote.etaSeconds)}`}
      {!quote.affordable && <span className="chip error">{messages.create.notAffordable}</span>}
    </>
  );
}

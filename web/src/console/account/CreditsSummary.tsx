import { Link } from 'wouter';
import { useCatalog } from '../gateway/CatalogProvider';
import { messages } from '../messages';
import { formatCreditAmount } from '../ui/formatCredits';
import { useCredits, type Quota, type ProviderBalance } from './CreditsProvider';
import { overallProviderStatus } from './providerStatus';

/** The remaining credits and the status of the providers, for the bottom of the sidebar. */
export function CreditsSummary() {
  const credits = useCredits();
  return (
    <section className="credits-summary" aria-label={messages.account.summary}>
      {credits &&
        (credits.quota ? <QuotaSummary quota={credits.quota} /> : <ProviderBalances balances={credits.providers} />)}
      <ProviderStatusLink />
    </section>
  );
}

function QuotaSummary({ quota }: { quota: Quota }) {
  const available = formatCreditAmount(quota.available);
  return (
    <div className="credits-left">
      <p>
        <span>
          <strong data-unit={messages.common.creditsUnit(available)}>{available}</strong>{' '}
          <span className="granted">{messages.account.ofGranted(formatCreditAmount(quota.granted))}</span>
        </span>
        {quota.low && <span className="chip warning">{messages.common.low}</span>}
      </p>
      <meter
        aria-label={messages.account.creditsLeft}
        className={quota.low ? 'low' : undefined}
        max={Math.max(quota.granted, quota.available)}
        value={quota.available}
      />
    </div>
  );
}

function ProviderBalances({ balances }: { balances: readonly ProviderBalance[] }) {
  return (
    <dl>
      {balances.map(({ provider, remaining, low }) => (
        <div key={provider}>
          <dt>{messages.common.provider(provider)}</dt>
          <dd>
            {low && <span className="chip warning">{messages.common.low}</span>}{' '}
            {remaining === null ? messages.account.unknown : formatCreditAmount(remaining)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function ProviderStatusLink() {
  const { providers } = useCatalog();
  if (providers.length === 0) return null;
  const { tone, text } = overallProviderStatus(providers);
  return (
    <Link href="/account" className="provider-status">
      <span className={`dot ${tone}`} aria-hidden="true" /> {text}
    </Link>
  );
}

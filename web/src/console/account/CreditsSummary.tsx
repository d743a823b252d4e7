import { Link } from 'wouter';
import { useCatalog } from '../gateway/CatalogProvider';
import { providerNames } from '../gateway/providers';
import { formatCreditAmount, formatCredits } from '../ui/formatCredits';
import { useCredits, type Quota, type ProviderBalance } from './CreditsProvider';
import { overallProviderStatus } from './providerStatus';

/** What is left to spend, and whether the providers work, at the foot of the sidebar. */
export function CreditsSummary() {
  const credits = useCredits();
  return (
    <section className="credits-summary" aria-label="Credits and providers">
      {credits &&
        (credits.quota ? <QuotaSummary quota={credits.quota} /> : <ProviderBalances balances={credits.providers} />)}
      <ProviderStatusLink />
    </section>
  );
}

function QuotaSummary({ quota }: { quota: Quota }) {
  return (
    <div className="credits-left">
      <p>
        <span>
          <strong>{formatCreditAmount(quota.available)}</strong>{' '}
          <span className="granted">of {formatCredits(quota.granted)} left</span>
        </span>
        {quota.low && <span className="chip warning">Low</span>}
      </p>
      <meter
        aria-label="Credits left"
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
          <dt>{providerNames[provider]}</dt>
          <dd>
            {low && <span className="chip warning">Low</span>}{' '}
            {remaining === null ? 'unknown' : formatCreditAmount(remaining)}
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

import type { Model, Provider } from '../gateway/CatalogProvider';
import { providerNames } from '../gateway/providers';
import { TimeAgo, TimeUntil } from '../ui/RelativeTime';
import { formatCredits } from '../ui/formatCredits';
import type { ProviderBalance } from './CreditsProvider';
import { providerStatus } from './providerStatus';
import { ModelTable } from './ModelTable';

interface Props {
  provider: Provider;
  balance: ProviderBalance | undefined;
  /** That it was asked again, and nothing has changed, is not pushed with the balance. */
  checked: Pick<ProviderBalance, 'checkedAt'> | undefined;
  models: readonly Model[];
}

export function ProviderCard({ provider, balance, checked, models }: Props) {
  const { tone, text } = providerStatus(provider);
  return (
    <article className="card stack provider" aria-labelledby={provider.name}>
      <header className="row space-between">
        <h3 id={provider.name}>{providerNames[provider.name]}</h3>
        <span role="status" className={`chip ${tone}`}>
          <span className="visually-hidden">{providerNames[provider.name]}:</span> {text}
        </span>
      </header>
      <IssueNotice provider={provider} />
      {balance && <RemainingCredits balance={balance} checked={checked} />}
      <ModelTable models={models} />
    </article>
  );
}

function IssueNotice({ provider: { available, message, retryAt } }: { provider: Provider }) {
  if (!message) return null;
  return (
    <p className={available ? 'notice warning' : 'notice error'}>
      {message}
      {retryAt && (
        <>
          {' '}
          Tried again <TimeUntil at={retryAt} />.
        </>
      )}
    </p>
  );
}

function RemainingCredits({ balance, checked }: Pick<Props, 'checked'> & { balance: ProviderBalance }) {
  const { remaining, low } = balance;
  const checkedAt = [balance.checkedAt, checked?.checkedAt].filter(Boolean).sort().at(-1);
  return (
    <p className="remaining">
      {remaining === null ? 'Its credits are not known' : <strong>{formatCredits(remaining)}</strong>}
      {low && <span className="chip warning">Low</span>}
      <span className="hint">
        {checkedAt ? (
          <>
            checked <TimeAgo at={checkedAt} />
          </>
        ) : (
          'not checked yet'
        )}
      </span>
    </p>
  );
}

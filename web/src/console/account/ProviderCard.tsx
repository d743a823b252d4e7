import type { Model, Provider } from '../gateway/CatalogProvider';
import { messages } from '../messages';
import { formatCredits } from '../ui/formatCredits';
import { TimeAgo, TimeUntil } from '../ui/RelativeTime';
import type { ProviderBalance } from './CreditsProvider';
import { ModelTable } from './ModelTable';
import { providerStatus } from './providerStatus';

interface Props {
  provider: Provider;
  balance: ProviderBalance | undefined;
  /** A newer `checkedAt` alone does not trigger `creditsUpdated`, so it is polled with the catalog. */
  checked: Pick<ProviderBalance, 'checkedAt'> | undefined;
  models: readonly Model[];
}

export function ProviderCard({ provider, balance, checked, models }: Props) {
  const { tone, text } = providerStatus(provider);
  const name = messages.common.provider(provider.name);
  return (
    <article className="card stack provider" aria-labelledby={provider.name}>
      <header className="row space-between">
        <h3 id={provider.name}>{name}</h3>
        <span role="status" className={`chip ${tone}`}>
          <span className="visually-hidden">{messages.account.providerName(name)}</span> {text}
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
      {message} {retryAt && messages.account.nextAttempt(<TimeUntil at={retryAt} />)}
    </p>
  );
}

function RemainingCredits({ balance, checked }: Pick<Props, 'checked'> & { balance: ProviderBalance }) {
  const { remaining, low } = balance;
  const checkedAt = [balance.checkedAt, checked?.checkedAt].filter(Boolean).sort().at(-1);
  return (
    <p className="remaining">
      {remaining === null ? messages.account.creditsUnknown : <strong>{formatCredits(remaining)}</strong>}
      {low && <span className="chip warning">{messages.common.low}</span>}
      <span className="hint">
        {checkedAt ? messages.account.checked(<TimeAgo at={checkedAt} />) : messages.account.notChecked}
      </span>
    </p>
  );
}

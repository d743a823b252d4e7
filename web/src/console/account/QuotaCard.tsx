import { messages } from '../messages';
import { formatCreditAmount } from '../ui/formatCredits';
import type { Quota } from './CreditsProvider';

export function QuotaCard({ quota }: { quota: Quota | null }) {
  return (
    <section className="card stack quota" aria-labelledby="quota">
      <h2 id="quota">{messages.account.quota}</h2>
      {quota ? <QuotaDetails quota={quota} /> : <p>{messages.account.noQuota}</p>}
    </section>
  );
}

function QuotaDetails({ quota }: { quota: Quota }) {
  return (
    <>
      <p className="quota-left">
        {messages.account.quotaLeft(
          <strong>{formatCreditAmount(quota.available)}</strong>,
          messages.account.ofGranted(formatCreditAmount(quota.granted)),
        )}
        {quota.low && <span className="chip warning">{messages.common.low}</span>}
      </p>
      <StackedBar quota={quota} />
      <dl className="figures">
        <Figure kind="available" label={messages.account.available} credits={quota.available} />
        <Figure kind="reserved" label={messages.account.reserved} credits={quota.reserved} />
        <Figure kind="spent" label={messages.account.spent} credits={quota.spent} />
        <Figure label={messages.account.granted} credits={quota.granted} />
      </dl>
    </>
  );
}

const segments = ['available', 'reserved', 'spent'] as const;

function StackedBar({ quota }: { quota: Quota }) {
  const label = messages.account.quotaChart({
    granted: formatCreditAmount(quota.granted),
    available: formatCreditAmount(quota.available),
    reserved: formatCreditAmount(quota.reserved),
    spent: formatCreditAmount(quota.spent),
  });
  return (
    <div className="stacked-bar" role="img" aria-label={label}>
      {segments
        .filter((segment) => quota[segment] > 0)
        .map((segment) => (
          <span key={segment} className={segment} style={{ flexGrow: quota[segment] }} />
        ))}
    </div>
  );
}

function Figure({ kind, label, credits }: { kind?: string; label: string; credits: number }) {
  return (
    <div>
      <dt>
        {kind && <span className={`swatch ${kind}`} aria-hidden="true" />} {label}
      </dt>
      <dd>{formatCreditAmount(credits)}</dd>
    </div>
  );
}

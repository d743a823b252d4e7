import { formatCreditAmount, formatCredits } from '../ui/formatCredits';
import type { Quota } from './CreditsProvider';

export function QuotaCard({ quota }: { quota: Quota | null }) {
  return (
    <section className="card stack quota" aria-labelledby="quota">
      <h2 id="quota">Allowance</h2>
      {quota ? (
        <QuotaDetails quota={quota} />
      ) : (
        <p>You may spend what is left at the providers: this gateway keeps no allowance for each user.</p>
      )}
    </section>
  );
}

function QuotaDetails({ quota }: { quota: Quota }) {
  return (
    <>
      <p className="quota-left">
        <strong>{formatCreditAmount(quota.available)}</strong> of {formatCredits(quota.granted)} left
        {quota.low && <span className="chip warning">Nearly used up</span>}
      </p>
      <StackedBar quota={quota} />
      <dl className="figures">
        <Figure kind="available" label="Available" credits={quota.available} />
        <Figure kind="reserved" label="Held for tasks" credits={quota.reserved} />
        <Figure kind="spent" label="Spent" credits={quota.spent} />
        <Figure label="Granted in all" credits={quota.granted} />
      </dl>
    </>
  );
}

const segments = ['available', 'reserved', 'spent'] as const;

function StackedBar({ quota }: { quota: Quota }) {
  const description = segments.map((segment) => `${formatCreditAmount(quota[segment])} ${segment}`).join(', ');
  return (
    <div className="stacked-bar" role="img" aria-label={`Of ${formatCredits(quota.granted)}: ${description}.`}>
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

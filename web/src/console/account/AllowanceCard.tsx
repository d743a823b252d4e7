import { formatCreditAmount, formatCredits } from '../ui/formatCredits';
import type { Allowance } from './credits';

export function AllowanceCard({ quota }: { quota: Allowance | null }) {
  return (
    <section className="card stack allowance" aria-labelledby="allowance">
      <h2 id="allowance">Allowance</h2>
      {quota ? (
        <Kept quota={quota} />
      ) : (
        <p>You may spend what is left at the providers: this gateway keeps no allowance for each user.</p>
      )}
    </section>
  );
}

function Kept({ quota }: { quota: Allowance }) {
  return (
    <>
      <p className="left">
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

const parts = ['available', 'reserved', 'spent'] as const;

function StackedBar({ quota }: { quota: Allowance }) {
  const spoken = parts.map((part) => `${formatCreditAmount(quota[part])} ${part}`).join(', ');
  return (
    <div className="stacked" role="img" aria-label={`Of ${formatCredits(quota.granted)}: ${spoken}.`}>
      {parts
        .filter((part) => quota[part] > 0)
        .map((part) => (
          <span key={part} className={part} style={{ flexGrow: quota[part] }} />
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

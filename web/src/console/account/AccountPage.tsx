import { useViewer } from '../session/ViewerContext';
import { useCatalog } from '../gateway/CatalogProvider';
import { QuotaCard } from './QuotaCard';
import { useCredits } from './CreditsProvider';
import { GrantForm } from './GrantForm';
import { ProviderCard } from './ProviderCard';

export function AccountPage() {
  const credits = useCredits();
  return (
    <div className="page account">
      <title>Account · Plantain</title>
      <header className="stack">
        <h1>Account</h1>
        <SignedInAs />
      </header>
      {credits && <QuotaCard quota={credits.quota} />}
      <Providers />
      {credits && <GrantSection hasQuotas={credits.quota !== null} />}
    </div>
  );
}

function SignedInAs() {
  const { id, role } = useViewer();
  return (
    <p className="signed-in">
      Signed in as <strong>{id}</strong>
      <span className="chip">{role === 'ADMIN' ? 'Administrator' : 'User'}</span>
    </p>
  );
}

function Providers() {
  const { providers, models, credits: checked } = useCatalog();
  const credits = useCredits();

  return (
    <section className="stack" aria-labelledby="providers">
      <h2 id="providers">Providers</h2>
      <div className="providers">
        {providers.map((provider) => (
          <ProviderCard
            key={provider.name}
            provider={provider}
            balance={findByProvider(provider.name, credits?.providers)}
            checked={findByProvider(provider.name, checked.providers)}
            models={models.filter((model) => model.provider === provider.name)}
          />
        ))}
      </div>
    </section>
  );
}

const findByProvider = <Each extends { provider: string }>(name: string, all: readonly Each[] = []) =>
  all.find(({ provider }) => provider === name);

/** Without allowances the gateway refuses every grant: a form would only mislead. */
function GrantSection({ hasQuotas }: { hasQuotas: boolean }) {
  if (useViewer().role !== 'ADMIN') return null;
  return (
    <section className="card stack grant" aria-labelledby="grant">
      <h2 id="grant">Grant credits</h2>
      {hasQuotas ? (
        <GrantForm />
      ) : (
        <p className="hint">
          No allowances are kept here, so there is nothing to grant. Start the gateway with{' '}
          <code>PLANTAIN_USER_QUOTA</code> to keep them.
        </p>
      )}
    </section>
  );
}

import { useCatalog } from '../gateway/CatalogProvider';
import { messages } from '../messages';
import { useViewer } from '../session/ViewerContext';
import { useCredits } from './CreditsProvider';
import { GrantForm } from './GrantForm';
import { ProviderCard } from './ProviderCard';
import { QuotaCard } from './QuotaCard';

export function AccountPage() {
  const credits = useCredits();
  return (
    <div className="page account">
      <title>{messages.common.pageTitle(messages.account.heading)}</title>
      <header className="stack">
        <h1>{messages.account.heading}</h1>
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
      {messages.account.signedInAs(<strong>{id}</strong>)}
      <span className="chip">{messages.account.roles[role]}</span>
    </p>
  );
}

function Providers() {
  const { providers, models, credits: checked } = useCatalog();
  const credits = useCredits();

  return (
    <section className="stack" aria-labelledby="providers">
      <h2 id="providers">{messages.account.providers}</h2>
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

/** Without quotas the gateway rejects every grant, so the form would be misleading. */
function GrantSection({ hasQuotas }: { hasQuotas: boolean }) {
  if (useViewer().role !== 'ADMIN') return null;
  return (
    <section className="card stack grant" aria-labelledby="grant">
      <h2 id="grant">{messages.account.grant}</h2>
      {hasQuotas ? (
        <GrantForm />
      ) : (
        <p className="hint">{messages.account.grantUnavailable(<code>PLANTAIN_USER_QUOTA</code>)}</p>
      )}
    </section>
  );
}

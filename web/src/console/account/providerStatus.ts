import type { Provider } from '../gateway/CatalogProvider';
import { messages } from '../messages';

interface ProviderStatus {
  tone: 'success' | 'warning' | 'error';
  text: string;
}

type State = Pick<Provider, 'available' | 'issue'>;

/** The status of one provider in a word. */
export function providerStatus({ available, issue }: State): ProviderStatus {
  if (!available) return { tone: 'error', text: messages.account.providerPaused };
  if (issue === null) return { tone: 'success', text: messages.account.providerOperational };
  return {
    tone: 'warning',
    text: issue === 'RATE_LIMITED' ? messages.account.providerRateLimited : messages.account.providerRecovering,
  };
}

/** The status of all providers in a sentence: the worst one counts. */
export function overallProviderStatus(providers: readonly Provider[]): ProviderStatus {
  const paused = providers.filter(({ available }) => !available);
  if (paused.length === providers.length) return { tone: 'error', text: messages.account.allPaused };
  if (paused.length > 0) return statusOfNamed(paused);

  const impaired = providers.filter(({ issue }) => issue !== null);
  if (impaired.length > 0) return statusOfNamed(impaired.slice(0, 1));
  return {
    tone: 'success',
    text: messages.account.allOperational(providers.length),
  };
}

function statusOfNamed(providers: readonly Provider[]): ProviderStatus {
  const names = providers.map(({ name }) => messages.common.provider(name));
  const { tone, text } = providerStatus(providers[0]!);
  return { tone, text: messages.account.someProviders(names, text) };
}

import type { Provider } from '../gateway/CatalogProvider';
import { providerNames } from '../gateway/providers';

interface ProviderStatus {
  tone: 'success' | 'warning' | 'error';
  text: string;
}

type State = Pick<Provider, 'available' | 'trouble'>;

/** How a provider is, in a word. */
export function providerStatus({ available, trouble }: State): ProviderStatus {
  if (!available) return { tone: 'error', text: 'Paused' };
  if (trouble === null) return { tone: 'success', text: 'Works' };
  return { tone: 'warning', text: trouble === 'RATE_LIMITED' ? 'Busy' : 'Recovering' };
}

/** How they are all together, in a line: the worst there is. */
export function overallProviderStatus(providers: readonly Provider[]): ProviderStatus {
  const paused = providers.filter(({ available }) => !available);
  if (paused.length === providers.length) return { tone: 'error', text: 'No provider works right now' };
  if (paused.length > 0) return statusOfNamed(paused);

  const impaired = providers.filter(({ trouble }) => trouble !== null);
  if (impaired.length > 0) return statusOfNamed(impaired.slice(0, 1));
  return {
    tone: 'success',
    text: providers.length === 1 ? 'The provider works' : `${providers.length} providers work`,
  };
}

function statusOfNamed(providers: readonly Provider[]): ProviderStatus {
  const names = providers.map(({ name }) => providerNames[name]).join(' and ');
  const { tone, text } = providerStatus(providers[0]!);
  return { tone, text: `${names} ${providers.length === 1 ? 'is' : 'are'} ${text.toLowerCase()}` };
}

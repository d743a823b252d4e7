import type { Provider } from '../gateway/CatalogProvider';
import { providerNames } from '../gateway/providers';

interface Health {
  tone: 'success' | 'warning' | 'error';
  text: string;
}

type State = Pick<Provider, 'available' | 'trouble'>;

/** How a provider is, in a word. */
export function healthOf({ available, trouble }: State): Health {
  if (!available) return { tone: 'error', text: 'Paused' };
  if (trouble === null) return { tone: 'success', text: 'Works' };
  return { tone: 'warning', text: trouble === 'RATE_LIMITED' ? 'Busy' : 'Recovering' };
}

/** How they are all together, in a line: the worst there is. */
export function healthOfAll(providers: readonly Provider[]): Health {
  const paused = providers.filter(({ available }) => !available);
  if (paused.length === providers.length) return { tone: 'error', text: 'No provider works right now' };
  if (paused.length > 0) return told(paused);

  const troubled = providers.filter(({ trouble }) => trouble !== null);
  if (troubled.length > 0) return told(troubled.slice(0, 1));
  return {
    tone: 'success',
    text: providers.length === 1 ? 'The provider works' : `${providers.length} providers work`,
  };
}

function told(providers: readonly Provider[]): Health {
  const names = providers.map(({ name }) => providerNames[name]).join(' and ');
  const { tone, text } = healthOf(providers[0]!);
  return { tone, text: `${names} ${providers.length === 1 ? 'is' : 'are'} ${text.toLowerCase()}` };
}

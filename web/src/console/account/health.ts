import type { Provider } from '../gateway/offers';
import { providerNames } from '../gateway/providers';

export interface Health {
  tone: 'good' | 'warn' | 'bad';
  text: string;
}

type State = Pick<Provider, 'available' | 'trouble'>;

/** How a provider is, in a word. */
export function healthOf({ available, trouble }: State): Health {
  if (!available) return { tone: 'bad', text: 'Paused' };
  if (trouble === null) return { tone: 'good', text: 'Works' };
  return { tone: 'warn', text: trouble === 'RATE_LIMITED' ? 'Busy' : 'Being tried again' };
}

/** How they are all together, in a line. */
export function healthOfAll(providers: readonly Provider[]): Health {
  const paused = providers.filter(({ available }) => !available);
  if (paused.length === providers.length) return { tone: 'bad', text: 'No provider works right now' };
  if (paused.length > 0) return { tone: 'bad', text: `${named(paused)} ${paused.length === 1 ? 'is' : 'are'} paused` };

  const troubled = providers.filter(({ trouble }) => trouble !== null);
  if (troubled.length > 0) return { tone: 'warn', text: `${named(troubled)} ${troubled.length === 1 ? 'is' : 'are'} slow` };
  return { tone: 'good', text: providers.length === 1 ? 'The provider works' : `${providers.length} providers work` };
}

const named = (providers: readonly Provider[]) => providers.map(({ name }) => providerNames[name]).join(' and ');

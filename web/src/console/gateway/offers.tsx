import { createContext, use, type ReactNode } from 'react';
import { OffersDocument, type OffersQuery } from '../../gql/graphql';
import { useInterval } from '../ui/useInterval';
import { useReading } from './useReading';

/** What can be asked for right now, and how the providers are. */
type Offers = OffersQuery;
export type Model = Offers['models'][number];
export type Provider = Offers['providers'][number];

const everyMs = 30_000;
const nothing: Offers = { models: [], providers: [], credits: { providers: [] } };
const OffersContext = createContext<Offers>(nothing);

/** How a provider is, and when it was asked for its credits, is not pushed: it is looked up now and then, and when somebody comes back to the page. */
export function OffersProvider({ children }: { children: ReactNode }) {
  const [{ data }, readAgain] = useReading(OffersDocument, {});
  useInterval(readAgain, everyMs);
  return <OffersContext value={data ?? nothing}>{children}</OffersContext>;
}

export const useOffers = () => use(OffersContext);

import { createContext, use, type ReactNode } from 'react';
import { useSubscription } from 'urql';
import {
  CreditsDocument,
  type QuotaFieldsFragment,
  type ProviderBalanceFragment,
  type CreditsSubscription,
} from '../../gql/graphql';

export type Quota = QuotaFieldsFragment;
export type ProviderBalance = ProviderBalanceFragment;
type Credits = CreditsSubscription['creditsUpdated'];

const CreditsContext = createContext<Credits | null>(null);

/** One subscription for all components that show credits. After a reconnect it sends the current state again. */
export function CreditsProvider({ children }: { children: ReactNode }) {
  const [{ data }] = useSubscription({ query: CreditsDocument });
  return <CreditsContext value={data?.creditsUpdated ?? null}>{children}</CreditsContext>;
}

/** Null until the first event. */
export const useCredits = () => use(CreditsContext);

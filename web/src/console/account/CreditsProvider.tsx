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

/** One subscription for all who show credits; after a lost connection it begins with the present state again. */
export function CreditsProvider({ children }: { children: ReactNode }) {
  const [{ data }] = useSubscription({ query: CreditsDocument });
  return <CreditsContext value={data?.creditsUpdated ?? null}>{children}</CreditsContext>;
}

/** Null until the gateway has said it for the first time. */
export const useCredits = () => use(CreditsContext);

import { CreditsCheckedDocument, type ProviderName } from '../../gql/graphql';
import { useReading } from '../gateway/useReading';
import { useEvery } from '../ui/useEvery';

const everyMs = 30_000;

/** When the providers were last asked for their balances: that they were, and nothing changed, is not pushed. */
export function useChecked(): Map<ProviderName, string | null> {
  const [{ data }, readAgain] = useReading(CreditsCheckedDocument, {});
  useEvery(everyMs, readAgain);
  return new Map(data?.credits.providers.map(({ provider, checkedAt }) => [provider, checkedAt]));
}

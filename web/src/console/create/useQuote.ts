import { useMemo } from 'react';
import { QuoteDocument, type QuoteQuery } from '../../gql/graphql';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import type { Refusal } from '../ui/refusal';
import { useDebouncedValue } from '../ui/useDebouncedValue';
import type { Draft } from './draft';
import { refusalOfError } from './refusal';
import { requestOf } from './request';

const afterMs = 300;

export type Quote = QuoteQuery['quote'];

/** What the draft would cost, looked up when it has stood still for a moment; never that of another request. */
export function useQuote(draft: Draft): { quote?: Quote; refusal?: Refusal } {
  const still = useDebouncedValue(draft, afterMs);
  const input = useMemo(() => requestOf(still), [still]);
  const pause = still.prompt.trim() === '' || still.inputs.some(({ source }) => !source);
  const [{ data, error, fetching, stale }] = useRefetchingQuery(QuoteDocument, { input }, pause);
  if (pause || fetching || stale || still !== draft) return {};
  return { quote: data?.quote, refusal: error && refusalOfError(error) };
}

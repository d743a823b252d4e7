import { useMemo } from 'react';
import { useQuery } from 'urql';
import { QuoteDocument, type QuoteQuery } from '../../gql/graphql';
import { useStill } from '../ui/useStill';
import type { Draft } from './draft';
import { refusalsOfError, type Refusals } from './refusals';
import { requestOf } from './request';

const afterMs = 300;

interface Quoted {
  quote?: QuoteQuery['quote'];
  refusals: Refusals;
}

const nothing: Quoted = { refusals: {} };

/** What the draft would cost, looked up when it has stood still for a moment. */
export function useQuote(draft: Draft): Quoted {
  const still = useStill(draft, afterMs);
  const input = useMemo(() => requestOf(still), [still]);
  const pause = still.prompt.trim() === '' || still.inputs.some(({ source }) => !source);
  const [{ data, error }] = useQuery({ query: QuoteDocument, variables: { input }, pause });
  if (pause) return nothing;
  return { quote: data?.quote, refusals: error ? refusalsOfError(error) : {} };
}

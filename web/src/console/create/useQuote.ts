import { useMemo } from 'react';
import { QuoteDocument, type QuoteQuery } from '../../gql/graphql';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import type { FormError } from '../ui/formError';
import { useDebouncedValue } from '../ui/useDebouncedValue';
import type { Draft } from './draft';
import { requestOf } from './request';
import { toFormError } from './submissionError';

const debounceMs = 300;

export type Quote = QuoteQuery['quote'];

/**
 * The quote for the current draft, never for an outdated one. Requested once the draft has not changed for a moment.
 */
export function useQuote(draft: Draft): { quote?: Quote; formError?: FormError } {
  const debounced = useDebouncedValue(draft, debounceMs);
  const input = useMemo(() => requestOf(debounced), [debounced]);
  const pause = debounced.prompt.trim() === '' || debounced.inputs.some(({ source }) => !source);
  const [{ data, error, fetching, stale }] = useRefetchingQuery(QuoteDocument, { input }, pause);
  if (pause || fetching || stale || debounced !== draft) return {};
  return { quote: data?.quote, formError: error && toFormError(error) };
}

import { useEffect, useRef } from 'react';
import { useQuery, type AnyVariables, type TypedDocumentNode } from 'urql';
import { useSignal } from '../ui/signal';
import { useGateway } from './gateway';

/** `useQuery`, read again when the connection is back: it may have failed, and things have changed meanwhile. */
export function useReading<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
) {
  const [result, readAgain] = useQuery({ query, variables });
  const { count } = useSignal(useGateway().connection);
  const counted = useRef(count);

  useEffect(() => {
    if (counted.current === count) return;
    counted.current = count;
    readAgain();
  }, [count, readAgain]);
  return [result, readAgain] as const;
}

import { useEffect, useRef } from 'react';
import { useQuery, type AnyVariables, type TypedDocumentNode, type UseQueryState } from 'urql';
import { useSignal } from '../ui/signal';
import { useGateway } from './gateway';

/** `useQuery` that refetches after a reconnect. */
export function useRefetchingQuery<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  pause = false,
) {
  const [result, refetch] = useQuery({ query, variables, pause });
  const { reconnects } = useSignal(useGateway().connection);
  const lastReconnects = useRef(reconnects);

  useEffect(() => {
    if (lastReconnects.current === reconnects) return;
    lastReconnects.current = reconnects;
    if (!pause) refetch();
  }, [reconnects, pause, refetch]);
  return [useKeepPreviousData(result), refetch] as const;
}

/** Keeps the last data when a refetch fails. */
function useKeepPreviousData<Data, Variables extends AnyVariables>(result: UseQueryState<Data, Variables>) {
  const last = useRef(result);
  useEffect(() => {
    if (result.data) last.current = result;
  }, [result]);
  const isSame = last.current.operation?.key === result.operation?.key;
  return isSame ? { ...result, data: result.data ?? last.current.data } : result;
}

import { useCallback, useMemo, useRef, useState } from 'react';
import { EditDocument, GenerateDocument } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import type { Refusal } from '../ui/refusal';
import type { Draft } from './draft';
import { refusalOf, refusalOfError } from './refusal';
import { newKey, requestOf } from './request';

/** A second press within this time is the same press. */
const onePressMs = 600;

export interface Submission {
  submit: (draft: Draft) => Promise<void>;
  sending: boolean;
  /** Why this very request was not taken. */
  refusalFor: (draft: Draft) => Refusal | undefined;
}

/** Sends drafts. The same request keeps its key until it is answered: sent again, it makes no second task. */
export function useSubmit(): Submission {
  const send = useSend();
  const [sending, setSending] = useState(0);
  const [refused, setRefused] = useState<{ request: string; refusal: Refusal }>();
  const closed = useRef(new Set<string>());

  const submit = useCallback(
    async (draft: Draft) => {
      const request = textOf(draft);
      if (closed.current.has(request)) return;
      closed.current.add(request);
      setSending((count) => count + 1);
      const refusal = await send(draft);
      setSending((count) => count - 1);
      setRefused(refusal && { request, refusal });
      setTimeout(() => closed.current.delete(request), refusal ? 0 : onePressMs);
    },
    [send],
  );

  return useMemo(() => {
    const refusalFor = (draft: Draft) => (refused?.request === textOf(draft) ? refused.refusal : undefined);
    return { submit, sending: sending > 0, refusalFor };
  }, [submit, sending, refused]);
}

function useSend() {
  const { client, tasks } = useGateway();
  const keys = useRef(new Map<string, string>());
  return useCallback(
    async (draft: Draft): Promise<Refusal | undefined> => {
      const request = textOf(draft);
      const idempotencyKey = keys.current.get(request) ?? newKey();
      keys.current.set(request, idempotencyKey);
      const { edit, generate } = requestOf(draft);
      const { data, error } = await (edit
        ? client.mutation(EditDocument, { input: { ...edit, idempotencyKey } })
        : client.mutation(GenerateDocument, { input: { ...generate, idempotencyKey } }));
      if (!data) return error && refusalOfError(error);
      keys.current.delete(request);
      if (data.submitted.__typename !== 'TaskAccepted') return refusalOf(data.submitted);
      tasks.merge([data.submitted.task]);
      return undefined;
    },
    [client, tasks],
  );
}

const textOf = (draft: Draft) => JSON.stringify(requestOf(draft));

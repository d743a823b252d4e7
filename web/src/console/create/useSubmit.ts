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

/** Sends the draft. The same request keeps its key until it is answered: sent again, it makes no second task. */
export function useSubmit(): Submission {
  const { client, tasks } = useGateway();
  const [sending, setSending] = useState(false);
  const [refused, setRefused] = useState<{ request: string; refusal: Refusal }>();
  const unanswered = useRef<{ request: string; key: string }>(null);
  const closedUntil = useRef(0);

  const send = useCallback(
    async (draft: Draft): Promise<Refusal | undefined> => {
      const { edit, generate } = requestOf(draft);
      const request = textOf(draft);
      if (unanswered.current?.request !== request) unanswered.current = { request, key: newKey() };
      const idempotencyKey = unanswered.current.key;
      const { data, error } = await (edit
        ? client.mutation(EditDocument, { input: { ...edit, idempotencyKey } })
        : client.mutation(GenerateDocument, { input: { ...generate, idempotencyKey } }));
      if (!data) return error && refusalOfError(error);
      unanswered.current = null;
      if (data.submitted.__typename !== 'TaskAccepted') return refusalOf(data.submitted);
      tasks.merge([data.submitted.task]);
      return undefined;
    },
    [client, tasks],
  );

  const submit = useCallback(
    async (draft: Draft) => {
      if (Date.now() < closedUntil.current) return;
      closedUntil.current = Infinity;
      setSending(true);
      const refusal = await send(draft);
      setRefused(refusal && { request: textOf(draft), refusal });
      setSending(false);
      closedUntil.current = refusal ? 0 : Date.now() + onePressMs;
    },
    [send],
  );

  return useMemo(() => {
    const refusalFor = (draft: Draft) => (refused?.request === textOf(draft) ? refused.refusal : undefined);
    return { submit, sending, refusalFor };
  }, [submit, sending, refused]);
}

const textOf = (draft: Draft) => JSON.stringify(requestOf(draft));

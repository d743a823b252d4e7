import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { EditDocument, GenerateDocument } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { newIdempotencyKey } from '../gateway/idempotencyKey';
import { announce } from '../ui/announcement';
import { showToast } from '../ui/Toaster';
import type { Refusal } from '../ui/refusal';
import { useSignal } from '../ui/signal';
import type { Draft } from './draft';
import { refusalOf, refusalOfError } from './refusal';
import { requestOf } from './request';

export interface Submission {
  submit: (draft: Draft) => Promise<void>;
  sending: boolean;
  /** Why this very request was not taken. */
  refusalFor: (draft: Draft) => Refusal | undefined;
}

/** Sends drafts; different ones may be on their way at once. `shown`: the one that the user looks at, if any. */
export function useSubmit(shown: Draft | null): Submission {
  const send = useSend();
  const [sending, setSending] = useState<ReadonlySet<string>>(new Set());
  const { refused, note } = useRefused();
  const latest = useRef({ shown, sending });
  useEffect(() => {
    latest.current = { shown, sending };
  });

  const submit = useCallback(
    async (draft: Draft) => {
      const request = textOf(draft);
      if (latest.current.sending.has(request)) return showToast('It is being sent.');
      setSending((others) => new Set([...others, request]));
      const refusal = await send(draft);
      setSending((others) => new Set([...others].filter((other) => other !== request)));
      note(request, refusal);
      const isSeen = latest.current.shown && textOf(latest.current.shown) === request;
      if (refusal && !isSeen) showToast(`“${draft.prompt.slice(0, 80)}” was not taken: ${refusal.message}`, 'error');
    },
    [send, note],
  );

  return useMemo(() => {
    const refusalFor = (draft: Draft) => refused.get(textOf(draft));
    return { submit, sending: sending.size > 0, refusalFor };
  }, [submit, sending, refused]);
}

/** Why requests were not taken, as long as that may still be true. */
function useRefused() {
  const { reconnects } = useSignal(useGateway().connection);
  const [refused, setRefused] = useState<ReadonlyMap<string, Refusal>>(new Map());
  useEffect(() => setRefused(new Map()), [reconnects]);
  const note = useCallback((request: string, refusal: Refusal | undefined) => {
    setRefused((last) => {
      const others = [...last].filter(([other]) => other !== request);
      return new Map(refusal ? [...others, [request, refusal]] : others);
    });
  }, []);
  return { refused, note };
}

/** When the answer to a request was lost, sending it again with the same key makes no second task. */
function useSend() {
  const { client, tasks } = useGateway();
  const unanswered = useRef(new Map<string, string>());
  return useCallback(
    async (draft: Draft): Promise<Refusal | undefined> => {
      const request = textOf(draft);
      const idempotencyKey = unanswered.current.get(request) ?? newIdempotencyKey();
      unanswered.current.delete(request);
      const { edit, generate } = requestOf(draft);
      const { data, error } = await (edit
        ? client.mutation(EditDocument, { input: { ...edit, idempotencyKey } })
        : client.mutation(GenerateDocument, { input: { ...generate, idempotencyKey } }));
      if (!data) {
        unanswered.current.set(request, idempotencyKey);
        return error && refusalOfError(error);
      }
      const { submitted } = data;
      if (submitted.__typename !== 'TaskAccepted') return refusalOf(submitted);
      tasks.merge([submitted.task]);
      if (submitted.replayed) showToast('It had been taken already: the answer was lost on its way.');
      else announce(`“${draft.prompt.slice(0, 80)}” is on its way.`);
      return undefined;
    },
    [client, tasks],
  );
}

const textOf = (draft: Draft) => JSON.stringify(requestOf(draft));

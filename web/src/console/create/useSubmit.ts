import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { EditDocument, GenerateDocument } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { announce } from '../ui/announcement';
import { say } from '../ui/messages';
import type { Refusal } from '../ui/refusal';
import { useSignal } from '../ui/signal';
import type { Draft } from './draft';
import { refusalOf, refusalOfError } from './refusal';
import { newKey, requestOf } from './request';

/** Whoever presses again after so long has seen nothing happen: it is no wish for a second task. */
const impatientAfterMs = 1_000;

export interface Submission {
  submit: (draft: Draft) => Promise<void>;
  sending: boolean;
  /** Why this very request was not taken. */
  refusalFor: (draft: Draft) => Refusal | undefined;
}

/** Sends drafts; several may be on their way. `current`: the one that the user looks at. */
export function useSubmit(current: Draft): Submission {
  const send = useSend();
  const [sentAt, setSentAt] = useState<ReadonlyMap<string, number>>(new Map());
  const { refused, setRefused } = useRefused();
  const shown = useRef(current);
  useEffect(() => {
    shown.current = current;
  });

  const submit = useCallback(
    async (draft: Draft) => {
      const request = textOf(draft);
      if (Date.now() - (sentAt.get(request) ?? Infinity) > impatientAfterMs) return say('It is being sent.');
      setSentAt((last) => new Map(last).set(request, Date.now()));
      const refusal = await send(draft);
      setSentAt((last) => new Map([...last].filter(([other]) => other !== request)));
      setRefused(request, refusal);
      const isOutOfSight = refusal && textOf(shown.current) !== request;
      if (isOutOfSight) say(`“${draft.prompt.slice(0, 80)}” was not taken: ${refusal.message}`, 'bad');
    },
    [send, sentAt, setRefused],
  );

  return useMemo(() => {
    const refusalFor = (draft: Draft) => (refused?.request === textOf(draft) ? refused.refusal : undefined);
    return { submit, sending: sentAt.size > 0, refusalFor };
  }, [submit, sentAt, refused]);
}

/** The last refusal, for as long as it may still be true. */
function useRefused() {
  const { count } = useSignal(useGateway().connection);
  const [refused, setRefused] = useState<{ request: string; refusal: Refusal }>();
  useEffect(() => setRefused(undefined), [count]);
  const set = useCallback((request: string, refusal: Refusal | undefined) => {
    const isThis = (last: { request: string } | undefined) => last?.request === request;
    setRefused((last) => (refusal ? { request, refusal } : isThis(last) ? undefined : last));
  }, []);
  return { refused, setRefused: set };
}

/** When the answer to a request was lost, sending it again with the same key makes no second task. */
function useSend() {
  const { client, tasks } = useGateway();
  const unanswered = useRef(new Map<string, string>());
  return useCallback(
    async (draft: Draft): Promise<Refusal | undefined> => {
      const request = textOf(draft);
      const idempotencyKey = unanswered.current.get(request) ?? newKey();
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
      if (submitted.replayed) say('It had been taken already: the answer was lost on its way.');
      else announce(`“${draft.prompt.slice(0, 80)}” is on its way.`);
      return undefined;
    },
    [client, tasks],
  );
}

const textOf = (draft: Draft) => JSON.stringify(requestOf(draft));

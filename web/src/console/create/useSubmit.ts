import { useRef, useState } from 'react';
import { EditDocument, GenerateDocument } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import type { Draft } from './draft';
import { refusalsOf, refusalsOfError, type Refusals } from './refusals';
import { newKey, requestOf } from './request';

/** Sends the draft. The same request keeps its key until it is answered: sent again, it makes no second task. */
export function useSubmit() {
  const { client, tasks } = useGateway();
  const [sending, setSending] = useState(false);
  const [refusals, setRefusals] = useState<Refusals>({});
  const unanswered = useRef<{ request: string; key: string }>(null);

  const send = async (draft: Draft) => {
    const request = requestOf(draft);
    const text = JSON.stringify(request);
    const key = unanswered.current?.request === text ? unanswered.current.key : newKey();
    unanswered.current = { request: text, key };
    const { data, error } = await (request.edit
      ? client.mutation(EditDocument, { input: { ...request.edit, idempotencyKey: key } })
      : client.mutation(GenerateDocument, { input: { ...request.generate, idempotencyKey: key } }));
    if (!data) return setRefusals(error ? refusalsOfError(error) : {});
    unanswered.current = null;
    if (data.submitted.__typename !== 'TaskAccepted') return setRefusals(refusalsOf(data.submitted));
    setRefusals({});
    tasks.merge([data.submitted.task]);
  };

  const submit = async (draft: Draft) => {
    setSending(true);
    await send(draft).finally(() => setSending(false));
  };
  return { submit, sending, refusals, clear: () => setRefusals({}) };
}

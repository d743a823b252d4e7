import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { EditDocument, GenerateDocument } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { newIdempotencyKey } from '../gateway/idempotencyKey';
import { messages } from '../messages';
import { announce } from '../ui/announcement';
import type { FormError } from '../ui/formError';
import { useSignal } from '../ui/signal';
import { showToast } from '../ui/Toaster';
import type { Draft } from './draft';
import { requestOf } from './request';
import { rejectionToFormError, toFormError } from './submissionError';

export interface Submission {
  submit: (draft: Draft) => Promise<void>;
  sending: boolean;
  /** The error of this draft, if its last submission was rejected. */
  errorFor: (draft: Draft) => FormError | undefined;
}

/**
 * Submits drafts, different ones at the same time. `visibleDraft` is the one in the composer, if the composer is open.
 */
export function useSubmit(visibleDraft: Draft | null): Submission {
  const send = useSend();
  const [sending, setSending] = useState<ReadonlySet<string>>(new Set());
  const { errors, setErrorFor } = useSubmissionErrors();
  const latest = useRef({ visibleDraft, sending });
  useEffect(() => {
    latest.current = { visibleDraft, sending };
  });

  const submit = useCallback(
    async (draft: Draft) => {
      const key = requestKey(draft);
      if (latest.current.sending.has(key)) return showToast(messages.create.submitting);
      setSending((others) => new Set([...others, key]));
      const error = await send(draft);
      setSending((others) => new Set([...others].filter((other) => other !== key)));
      setErrorFor(key, error);
      const isSeen = latest.current.visibleDraft && requestKey(latest.current.visibleDraft) === key;
      if (error && !isSeen) showToast(messages.create.submissionFailed(shortPrompt(draft), error.message), 'error');
    },
    [send, setErrorFor],
  );

  return useMemo(() => {
    const errorFor = (draft: Draft) => errors.get(requestKey(draft));
    return { submit, sending: sending.size > 0, errorFor };
  }, [submit, sending, errors]);
}

/** Errors by request. They are cleared after a reconnect, because they may no longer apply. */
function useSubmissionErrors() {
  const { reconnects } = useSignal(useGateway().connection);
  const [errors, setErrors] = useState<ReadonlyMap<string, FormError>>(new Map());
  useEffect(() => setErrors(new Map()), [reconnects]);
  const setErrorFor = useCallback((key: string, error: FormError | undefined) => {
    setErrors((last) => {
      const others = [...last].filter(([other]) => other !== key);
      return new Map(error ? [...others, [key, error]] : others);
    });
  }, []);
  return { errors, setErrorFor };
}

/**
 * After a lost response, the same request is sent again with the same idempotency key, so that it creates only one
 * task.
 */
function useSend() {
  const { client, tasks } = useGateway();
  const unansweredKeys = useRef(new Map<string, string>());
  return useCallback(
    async (draft: Draft): Promise<FormError | undefined> => {
      const key = requestKey(draft);
      const idempotencyKey = unansweredKeys.current.get(key) ?? newIdempotencyKey();
      unansweredKeys.current.delete(key);
      const { edit, generate } = requestOf(draft);
      const { data, error } = await (edit
        ? client.mutation(EditDocument, { input: { ...edit, idempotencyKey } })
        : client.mutation(GenerateDocument, { input: { ...generate, idempotencyKey } }));
      if (!data) {
        unansweredKeys.current.set(key, idempotencyKey);
        return error && toFormError(error);
      }
      const { result } = data;
      if (result.__typename !== 'TaskAccepted') return rejectionToFormError(result);
      tasks.merge([result.task]);
      if (result.replayed) showToast(messages.create.alreadySubmitted);
      else announce(messages.create.submitted(shortPrompt(draft)));
      return undefined;
    },
    [client, tasks],
  );
}

const shortPrompt = ({ prompt }: Draft) => prompt.slice(0, 80);

const requestKey = (draft: Draft) => JSON.stringify(requestOf(draft));

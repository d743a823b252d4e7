import { useRef, useState } from 'react';
import { GrantCreditsDocument, type GrantCreditsMutationVariables } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useGateway } from '../gateway/gateway';
import { newIdempotencyKey } from '../gateway/idempotencyKey';
import { messages } from '../messages';
import type { FormError } from '../ui/formError';

type Grant = Omit<GrantCreditsMutationVariables, 'idempotencyKey'>;

/** Keeps the idempotency key until a response arrives, so that a repeated request grants only once. */
export function useGrantCredits() {
  const { client } = useGateway();
  const key = useRef<string>(null);
  const [formError, setFormError] = useState<FormError>();
  const [granted, setGranted] = useState<Grant & { available: number }>();

  /** Resolves to whether the credits were granted. */
  const grant = async (input: Grant): Promise<boolean> => {
    key.current ??= newIdempotencyKey();
    setGranted(undefined);
    const { data, error } = await client.mutation(GrantCreditsDocument, { ...input, idempotencyKey: key.current });
    const result = data?.grantCredits;
    if (result) key.current = null;
    if (result?.__typename === 'CreditsGranted') {
      setFormError(undefined);
      setGranted({ ...input, available: result.quota.available });
      return true;
    }
    setFormError(result ? explainKeyReuse(result) : error && { message: describeError(error) });
    return false;
  };
  return { grant, formError, granted };
}

/** A used key means that an earlier response was lost and the form was changed before the retry. */
function explainKeyReuse(result: FormError): FormError {
  if (!result.fields?.some(({ path }) => path[0] === 'idempotencyKey')) return result;
  return { message: messages.account.grantKeyReused };
}

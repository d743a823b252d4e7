import { useRef, useState } from 'react';
import { GrantCreditsDocument, type GrantCreditsMutationVariables } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { newIdempotencyKey } from '../gateway/idempotencyKey';
import { describeError } from '../gateway/errors';
import type { FormError } from '../ui/formError';

type Grant = Omit<GrantCreditsMutationVariables, 'idempotencyKey'>;

/** Grants once, however often it is asked for: the key stays the same until an answer has come, or the page is left. */
export function useGrantCredits() {
  const { client } = useGateway();
  const key = useRef<string>(null);
  const [formError, setFormError] = useState<FormError>();
  const [granted, setGranted] = useState<Grant & { available: number }>();

  /** Whether it is done. */
  const grant = async (asked: Grant): Promise<boolean> => {
    key.current ??= newIdempotencyKey();
    setGranted(undefined);
    const { data, error } = await client.mutation(GrantCreditsDocument, { ...asked, idempotencyKey: key.current });
    const answer = data?.grantCredits;
    if (answer) key.current = null;
    if (answer?.__typename === 'CreditsGranted') {
      setFormError(undefined);
      setGranted({ ...asked, available: answer.quota.available });
      return true;
    }
    setFormError(answer ? explainKeyReuse(answer) : error && { message: describeError(error) });
    return false;
  };
  return { grant, formError, granted };
}

/** The key can only have been used when an answer was lost, and the form was changed before it was sent again. */
function explainKeyReuse(rejected: FormError): FormError {
  if (!rejected.fields?.some(({ path }) => path[0] === 'idempotencyKey')) return rejected;
  return {
    message:
      'Nothing was granted now, but the attempt before was, although its answer was lost. Press again to grant this as well.',
  };
}

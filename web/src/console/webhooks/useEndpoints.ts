import { useCallback, useState } from 'react';
import type { AnyVariables, CombinedError, TypedDocumentNode } from 'urql';
import {
  CreateWebhookEndpointDocument,
  DeleteWebhookEndpointDocument,
  RotateWebhookSecretDocument,
  UpdateWebhookEndpointDocument,
  WebhookEndpointsDocument,
  type EndpointOutcomeFragment,
  type TaskStatus,
  type WebhookEndpointsQuery,
} from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { describeError } from '../gateway/errors';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import type { FormError } from '../ui/formError';
import { useFresh } from './useFresh';

export type Endpoint = WebhookEndpointsQuery['webhookEndpoints'][number];

/** What can be chosen about an endpoint. */
export interface Settings {
  url: string;
  statuses: TaskStatus[];
}

/** Each says why it was not done; nothing when it was. */
export interface EndpointActions {
  create: (settings: Settings) => Promise<FormError | undefined>;
  update: (id: string, change: Partial<Settings> & { enabled?: boolean }) => Promise<FormError | undefined>;
  rotate: (id: string) => Promise<FormError | undefined>;
  remove: (id: string) => Promise<FormError | undefined>;
}

/** `secrets`: those that were given out while this page was open, by endpoint; nobody can read them again. */
export function useEndpoints() {
  const [{ data, error }, refetch] = useRefetchingQuery(WebhookEndpointsDocument, {});
  const endpoints = data?.webhookEndpoints;
  const [secrets, setSecrets] = useState<Record<string, string>>({});
  const hideSecret = useCallback((id: string) => setSecrets(({ [id]: _, ...others }) => others), []);
  const enabled = endpoints?.filter((endpoint) => endpoint.enabled) ?? [];
  useFresh(
    refetch,
    enabled.flatMap(({ latest }) => latest.nodes),
  );

  const change = useChange((id, secret) => {
    if (secret) setSecrets((last) => ({ ...last, [id]: secret }));
    refetch();
  });
  const actions: EndpointActions = {
    create: (settings) => change(CreateWebhookEndpointDocument, settings),
    update: (id, settings) => change(UpdateWebhookEndpointDocument, { id, ...settings }),
    rotate: (id) => change(RotateWebhookSecretDocument, { id }),
    remove: (id) => change(DeleteWebhookEndpointDocument, { id }),
  };
  return { endpoints, errorMessage: error && describeError(error), secrets, hideSecret, actions };
}

type Answer = { outcome: EndpointOutcomeFragment };

function useChange(onChanged: (id: string, secret: string | null) => void) {
  const { client } = useGateway();
  return async <Variables extends AnyVariables>(
    document: TypedDocumentNode<Answer, Variables>,
    variables: Variables,
  ) => {
    const { data, error } = await client.mutation(document, variables);
    if (data?.outcome.__typename !== 'WebhookEndpointChanged') return toFormError(data?.outcome, error);
    onChanged(data.outcome.endpoint.id, data.outcome.endpoint.secret);
  };
}

function toFormError(rejected: FormError | undefined, error: CombinedError | undefined): FormError {
  return rejected ?? { message: error ? describeError(error) : 'The gateway did not answer.' };
}

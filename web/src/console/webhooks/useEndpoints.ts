import { useCallback, useState } from 'react';
import type { AnyVariables, CombinedError, TypedDocumentNode } from 'urql';
import {
  CreateWebhookEndpointDocument,
  DeleteWebhookEndpointDocument,
  RotateWebhookSecretDocument,
  UpdateWebhookEndpointDocument,
  WebhookEndpointsDocument,
  type EndpointResultFieldsFragment,
  type TaskStatus,
  type WebhookEndpointsQuery,
} from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useGateway } from '../gateway/gateway';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import { messages } from '../messages';
import type { FormError } from '../ui/formError';
import { useDeliveryRefresh } from './useDeliveryRefresh';

export type Endpoint = WebhookEndpointsQuery['webhookEndpoints'][number];

export interface EndpointSettings {
  url: string;
  statuses: TaskStatus[];
}

/** Each resolves to an error, or undefined on success. */
export interface EndpointActions {
  create: (settings: EndpointSettings) => Promise<FormError | undefined>;
  update: (id: string, change: Partial<EndpointSettings> & { enabled?: boolean }) => Promise<FormError | undefined>;
  rotate: (id: string) => Promise<FormError | undefined>;
  remove: (id: string) => Promise<FormError | undefined>;
}

/** `secrets` holds the secrets that were issued while this page was open, by endpoint. They cannot be read again. */
export function useEndpoints() {
  const [{ data, error }, refetch] = useRefetchingQuery(WebhookEndpointsDocument, {});
  const endpoints = data?.webhookEndpoints;
  const [secrets, setSecrets] = useState<Record<string, string>>({});
  const hideSecret = useCallback((id: string) => setSecrets(({ [id]: _, ...others }) => others), []);
  const enabled = endpoints?.filter((endpoint) => endpoint.enabled) ?? [];
  useDeliveryRefresh(
    refetch,
    enabled.flatMap(({ latest }) => latest.nodes),
  );

  const change = useEndpointMutation((id, secret) => {
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

type MutationData = { result: EndpointResultFieldsFragment };

function useEndpointMutation(onChanged: (id: string, secret: string | null) => void) {
  const { client } = useGateway();
  return async <Variables extends AnyVariables>(
    document: TypedDocumentNode<MutationData, Variables>,
    variables: Variables,
  ) => {
    const { data, error } = await client.mutation(document, variables);
    if (data?.result.__typename !== 'WebhookEndpointChanged') return toFormError(data?.result, error);
    onChanged(data.result.endpoint.id, data.result.endpoint.secret);
  };
}

function toFormError(result: FormError | undefined, error: CombinedError | undefined): FormError {
  return result ?? { message: error ? describeError(error) : messages.errors.noResponse };
}

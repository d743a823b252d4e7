import { useEffect, useState } from 'react';
import { DeliveriesDocument, type DeliveryFragment } from '../../gql/graphql';
import { useGateway, type Gateway } from '../gateway/gateway';
import { toPage, PaginatedList } from '../gateway/paginatedList';
import { useSignal } from '../ui/signal';
import { useDeliveryRefresh } from './useDeliveryRefresh';
import type { Endpoint } from './useEndpoints';

export type Delivery = DeliveryFragment;

const pageSize = 20;

/** Reloads all loaded pages: new deliveries move the others, and pending ones change. */
export function useDeliveries({ id, enabled }: Endpoint): PaginatedList<Delivery> {
  const { client, connection } = useGateway();
  const { reconnects } = useSignal(connection);
  const [list] = useState(() => new PaginatedList<Delivery>((after) => fetchPage(client, id, after)));
  const { nodes } = useSignal(list.state);
  useEffect(() => void list.reload(), [list, reconnects]);
  useDeliveryRefresh(list.reload, enabled ? nodes : []);
  return list;
}

async function fetchPage(client: Gateway['client'], endpointId: string, after: string | null) {
  const { data, error } = await client.query(DeliveriesDocument, { endpointId, first: pageSize, after });
  return toPage(data?.node && 'deliveries' in data.node ? data.node.deliveries : undefined, error);
}

import { useEffect, useState } from 'react';
import { DeliveriesDocument, type DeliveryFragment } from '../../gql/graphql';
import { useGateway, type Gateway } from '../gateway/gateway';
import { pageOf, Paged } from '../gateway/paged';
import { useSignal } from '../ui/signal';
import type { Endpoint } from './useEndpoints';
import { useFresh } from './useFresh';

export type Delivery = DeliveryFragment;

const pageSize = 20;

/** All that are shown are read anew each time: new ones push the others on, and what was pending has changed. */
export function useDeliveries({ id, enabled }: Endpoint): Paged<Delivery> {
  const { client, connection } = useGateway();
  const { count } = useSignal(connection);
  const [list] = useState(() => new Paged<Delivery>((after) => readPage(client, id, after)));
  const { nodes } = useSignal(list.shown);
  useEffect(() => void list.read(), [list, count]);
  useFresh(list.read, enabled ? nodes : []);
  return list;
}

async function readPage(client: Gateway['client'], endpointId: string, after: string | null) {
  const { data, error } = await client.query(DeliveriesDocument, { endpointId, first: pageSize, after });
  return pageOf(data?.node && 'deliveries' in data.node ? data.node.deliveries : undefined, error);
}

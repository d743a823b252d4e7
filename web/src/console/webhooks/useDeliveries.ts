import type { Client } from '@urql/core';
import { useCallback, useEffect, useState } from 'react';
import { DeliveriesDocument, type DeliveryFragment } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { describe } from '../gateway/problem';
import { useSignal } from '../ui/signal';
import { useFresh } from './useFresh';

export type Delivery = DeliveryFragment;

interface Reading {
  deliveries: Delivery[];
  hasMore: boolean;
  problem?: string;
}

const pageSize = 20;
const largestPage = 100;

/** All that are shown are read anew each time: new ones push the others on, and what was pending has changed. */
export function useDeliveries(endpointId: string) {
  const { client, connection } = useGateway();
  const { count } = useSignal(connection);
  const [wanted, setWanted] = useState(pageSize);
  const [round, setRound] = useState(0);
  const [reading, setReading] = useState<Reading>();

  useEffect(() => {
    let isLatest = true;
    void read(client, endpointId, wanted).then((next) => {
      if (isLatest) setReading((last) => (next.problem && last ? { ...last, problem: next.problem } : next));
    });
    return () => void (isLatest = false);
  }, [client, endpointId, wanted, round, count]);

  const readAgain = useCallback(() => setRound((last) => last + 1), []);
  useFresh(readAgain, reading?.deliveries.some(({ state }) => state === 'PENDING') ?? false);
  return { reading, readAgain, showMore: () => setWanted((last) => last + pageSize) };
}

async function read(client: Client, endpointId: string, wanted: number): Promise<Reading> {
  const deliveries: Delivery[] = [];
  let after: string | null = null;
  while (true) {
    const first = Math.min(wanted - deliveries.length, largestPage);
    const page = await readPage(client, { endpointId, first, after });
    if (!page.found) return { deliveries, hasMore: false, problem: page.problem };
    deliveries.push(...page.found.nodes);
    after = page.found.pageInfo.endCursor;
    const hasMore = page.found.pageInfo.hasNextPage;
    if (!hasMore || deliveries.length >= wanted) return { deliveries, hasMore };
  }
}

async function readPage(client: Client, variables: { endpointId: string; first: number; after: string | null }) {
  const { data, error } = await client.query(DeliveriesDocument, variables);
  const found = data?.node && 'deliveries' in data.node ? data.node.deliveries : undefined;
  return { found, problem: error && describe(error) };
}

import { useState } from 'react';
import { messages } from '../messages';
import { LoadMore } from '../ui/LoadMore';
import { TimeAgo } from '../ui/RelativeTime';
import { useSignal } from '../ui/signal';
import { DeliveryRow } from './DeliveryRow';
import { DeliveryStateChip } from './DeliveryStateChip';
import { useDeliveries } from './useDeliveries';
import type { Endpoint } from './useEndpoints';

/** Shows the latest delivery. The list is loaded when it is opened. */
export function Deliveries({ endpoint }: { endpoint: Endpoint }) {
  const [isOpen, setOpen] = useState(false);
  const [latest] = endpoint.latest.nodes;
  if (!latest) return <p className="hint">{messages.webhooks.noDeliveries}</p>;
  return (
    <details className="deliveries" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {messages.webhooks.deliveries}
        <span className="hint">
          {messages.webhooks.lastDelivery(
            <DeliveryStateChip state={latest.state} />,
            <TimeAgo at={latest.createdAt} />,
          )}
        </span>
      </summary>
      {isOpen && <DeliveryList endpoint={endpoint} />}
    </details>
  );
}

function DeliveryList({ endpoint }: { endpoint: Endpoint }) {
  const list = useDeliveries(endpoint);
  const { nodes, pages, errorMessage } = useSignal(list.state);
  return (
    <div className="stack">
      {pages === 0 && !errorMessage && <p className="hint">{messages.common.loading}</p>}
      {nodes.length > 0 && (
        <ol aria-label={messages.webhooks.deliveryList}>
          {nodes.map((delivery) => (
            <DeliveryRow key={delivery.id} delivery={delivery} onResent={list.reload} />
          ))}
        </ol>
      )}
      <LoadMore list={list} />
    </div>
  );
}

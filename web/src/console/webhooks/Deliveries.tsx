import { useState } from 'react';
import { Ago } from '../ui/Ago';
import { DeliveryRow } from './DeliveryRow';
import { useDeliveries } from './useDeliveries';
import type { Endpoint } from './useEndpoints';
import { StateChip } from './StateChip';

/** Closed, it says how the last one went; they are read when it is opened. */
export function Deliveries({ endpoint }: { endpoint: Endpoint }) {
  const [isOpen, setOpen] = useState(false);
  const [latest] = endpoint.latest.nodes;
  if (!latest) return <p className="hint">Nothing was sent yet: make a picture, and see it arrive.</p>;
  return (
    <details className="deliveries" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Deliveries
        <span className="hint">
          The last one <StateChip state={latest.state} /> <Ago at={latest.createdAt} />
        </span>
      </summary>
      {isOpen && <DeliveryList endpointId={endpoint.id} />}
    </details>
  );
}

function DeliveryList({ endpointId }: { endpointId: string }) {
  const { reading, readAgain, showMore } = useDeliveries(endpointId);
  if (!reading) return <p className="hint">Reading …</p>;
  return (
    <div className="stack">
      {reading.problem && (
        <p className="notice bad" role="alert">
          {reading.problem}
        </p>
      )}
      <ol aria-label="Deliveries, newest first">
        {reading.deliveries.map((delivery) => (
          <DeliveryRow key={delivery.id} delivery={delivery} onResent={readAgain} />
        ))}
      </ol>
      {reading.hasMore && (
        <button type="button" className="more" onClick={showMore}>
          Show more
        </button>
      )}
    </div>
  );
}

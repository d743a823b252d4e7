import { useEffect, useRef } from 'react';
import { messages } from '../messages';
import { EndpointCard } from './EndpointCard';
import { EndpointForm } from './EndpointForm';
import { defaultStatuses } from './taskStatuses';
import { useEndpoints, type EndpointActions } from './useEndpoints';

const maxEndpoints = 10;
const emptySettings = { url: '', statuses: [...defaultStatuses] };

export function WebhooksPage() {
  const { endpoints, errorMessage, secrets, hideSecret, actions } = useEndpoints();
  useFocusAfterDeletion(endpoints?.length ?? 0);
  return (
    <div className="page webhooks">
      <Introduction />
      {errorMessage && (
        <p className="notice error" role="alert">
          {errorMessage}
        </p>
      )}
      {endpoints && endpoints.length > 0 && (
        <section className="stack" aria-labelledby="endpoints">
          <h2 id="endpoints">{messages.webhooks.endpoints}</h2>
          <ul className="stack">
            {endpoints.map((endpoint) => (
              <EndpointCard
                key={endpoint.id}
                endpoint={endpoint}
                actions={actions}
                secret={secrets[endpoint.id]}
                onHideSecret={() => hideSecret(endpoint.id)}
              />
            ))}
          </ul>
        </section>
      )}
      {endpoints && <AddEndpoint count={endpoints.length} actions={actions} />}
    </div>
  );
}

/** Deleting an endpoint removes the focused button. */
function useFocusAfterDeletion(count: number) {
  const counted = useRef(count);
  useEffect(() => {
    const isLost = document.activeElement === document.body;
    if (count < counted.current && isLost) document.getElementById('main')?.focus({ preventScroll: true });
    counted.current = count;
  }, [count]);
}

function Introduction() {
  return (
    <header className="stack">
      <title>{messages.common.pageTitle(messages.webhooks.heading)}</title>
      <h1>{messages.webhooks.heading}</h1>
      <p className="lead">{messages.webhooks.introduction}</p>
    </header>
  );
}

function AddEndpoint({ count, actions }: { count: number; actions: EndpointActions }) {
  return (
    <section className="card stack add-endpoint" aria-labelledby="add">
      <h2 id="add">{count === 0 ? messages.webhooks.addFirst : messages.webhooks.addAnother}</h2>
      {count === 0 && <p className="hint">{messages.webhooks.addFirstHint}</p>}
      {count < maxEndpoints ? (
        <EndpointForm settings={emptySettings} action={messages.webhooks.add} onSubmit={actions.create} />
      ) : (
        <p>{messages.webhooks.limitReached(maxEndpoints)}</p>
      )}
    </section>
  );
}

import { useEffect, useRef } from 'react';
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
          <h2 id="endpoints">Endpoints</h2>
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

/** What is deleted takes the focus with it, if it has it. */
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
      <title>Webhooks · Plantain</title>
      <h1>Webhooks</h1>
      <p className="lead">
        When one of your tasks goes on, Plantain posts a signed message to a server of yours, so that it need not ask or
        stay connected. Messages follow Standard Webhooks (standardwebhooks.com), for which there are libraries in most
        languages.
      </p>
    </header>
  );
}

function AddEndpoint({ count, actions }: { count: number; actions: EndpointActions }) {
  return (
    <section className="card stack add-endpoint" aria-labelledby="add">
      <h2 id="add">{count === 0 ? 'Add your first endpoint' : 'Add an endpoint'}</h2>
      {count === 0 && (
        <p className="hint">
          It is told of every task from then on. You get a secret that verifies the messages, and see here how each of
          them went.
        </p>
      )}
      {count < maxEndpoints ? (
        <EndpointForm settings={emptySettings} action="Add endpoint" onSubmit={actions.create} />
      ) : (
        <p>You have {maxEndpoints} endpoints, the most there can be. Delete one to add another.</p>
      )}
    </section>
  );
}

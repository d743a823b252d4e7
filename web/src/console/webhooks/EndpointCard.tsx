import { useEffect, useId, useRef, useState } from 'react';
import { useGateway } from '../gateway/gateway';
import { messages } from '../messages';
import { Icon } from '../ui/Icon';
import { TimeAgo } from '../ui/RelativeTime';
import { useSignal } from '../ui/signal';
import { useAsyncAction } from '../ui/useAsyncAction';
import { Deliveries } from './Deliveries';
import { EndpointForm } from './EndpointForm';
import { EndpointToolbar } from './EndpointToolbar';
import { Secret } from './Secret';
import type { Endpoint, EndpointActions } from './useEndpoints';

interface Props {
  endpoint: Endpoint;
  actions: EndpointActions;
  secret: string | undefined;
  onHideSecret: () => void;
}

export function EndpointCard({ endpoint, actions, secret, onHideSecret }: Props) {
  const [isEditing, setEditing] = useState(false);
  const id = useId();
  const editButton = useRef<HTMLButtonElement>(null);
  const closeForm = () => {
    setEditing(false);
    editButton.current?.focus();
  };
  return (
    <li className="card stack endpoint" aria-labelledby={id}>
      <header className="row space-between">
        <h3 id={id} className="code">
          {endpoint.url}
        </h3>
        <EnabledSwitch endpoint={endpoint} actions={actions} />
      </header>
      <EndpointStatus endpoint={endpoint} />
      {secret && <Secret secret={secret} onHide={onHideSecret} />}
      <div className="row space-between">
        <Statuses endpoint={endpoint} />
        <EndpointToolbar
          endpoint={endpoint}
          actions={actions}
          editButton={editButton}
          isEditing={isEditing}
          onEdit={() => setEditing(!isEditing)}
        />
      </div>
      {isEditing && (
        <EndpointForm
          settings={endpoint}
          action={messages.webhooks.save}
          onSubmit={(settings) => actions.update(endpoint.id, settings)}
          onDone={closeForm}
          onCancel={closeForm}
          autoFocus
        />
      )}
      <Deliveries endpoint={endpoint} />
    </li>
  );
}

function Statuses({ endpoint }: { endpoint: Endpoint }) {
  return (
    <ul className="row" aria-label={messages.webhooks.statuses}>
      {endpoint.statuses.map((status) => (
        <li key={status} className="chip">
          {messages.common.taskStatus[status]}
        </li>
      ))}
    </ul>
  );
}

function EnabledSwitch({ endpoint, actions }: Pick<Props, 'endpoint' | 'actions'>) {
  const [errorMessage, setErrorMessage] = useState<string>();
  const { reconnects } = useSignal(useGateway().connection);
  useEffect(() => setErrorMessage(undefined), [reconnects]);
  const [toggle, busy] = useAsyncAction(async () => {
    const formError = await actions.update(endpoint.id, { enabled: !endpoint.enabled });
    setErrorMessage(formError?.message);
  });
  return (
    <div>
      <label className="switch">
        <input type="checkbox" role="switch" checked={endpoint.enabled} aria-busy={busy} onChange={toggle} />{' '}
        {messages.webhooks.enabled}
      </label>
      {errorMessage && (
        <p className="field-error" role="alert">
          {errorMessage}
        </p>
      )}
    </div>
  );
}

function EndpointStatus({ endpoint: { enabled, disabledReason, failingSince } }: Pick<Props, 'endpoint'>) {
  if (disabledReason) {
    return <p className="notice error">{messages.webhooks.disabledByGateway(disabledReason)}</p>;
  }
  if (!enabled) return <p className="notice warning">{messages.webhooks.disabled}</p>;
  if (!failingSince) return null;
  return (
    <p className="notice warning">
      <Icon name="warning" /> {messages.webhooks.failing(<TimeAgo at={failingSince} />)}
    </p>
  );
}

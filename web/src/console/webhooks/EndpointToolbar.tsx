import type { Ref } from 'react';
import { messages } from '../messages';
import { ConfirmButton } from '../ui/ConfirmButton';
import { Icon } from '../ui/Icon';
import type { Endpoint, EndpointActions } from './useEndpoints';

interface Props {
  endpoint: Endpoint;
  actions: EndpointActions;
  editButton: Ref<HTMLButtonElement>;
  isEditing: boolean;
  onEdit: () => void;
}

export function EndpointToolbar({ endpoint: { id, url }, actions, editButton, isEditing, onEdit }: Props) {
  return (
    <div className="row endpoint-toolbar">
      <button
        ref={editButton}
        type="button"
        className="quiet"
        aria-label={messages.webhooks.editEndpoint(url)}
        aria-expanded={isEditing}
        onClick={onEdit}
      >
        <Icon name="edit" /> {messages.webhooks.edit}
      </button>
      <ConfirmButton
        className="quiet"
        label={messages.webhooks.rotateOf(url)}
        trigger={
          <>
            <Icon name="retry" /> {messages.webhooks.rotate}
          </>
        }
        question={messages.webhooks.rotateQuestion}
        consequence={messages.webhooks.rotateConsequence}
        action={messages.webhooks.rotateConfirm}
        onConfirm={async () => (await actions.rotate(id))?.message}
      />
      <ConfirmButton
        className="quiet"
        label={messages.webhooks.deleteEndpoint(url)}
        trigger={
          <>
            <Icon name="remove" /> {messages.common.delete}
          </>
        }
        question={messages.webhooks.deleteQuestion}
        consequence={messages.webhooks.deleteConsequence(url)}
        action={messages.common.delete}
        danger
        onConfirm={async () => (await actions.remove(id))?.message}
      />
    </div>
  );
}

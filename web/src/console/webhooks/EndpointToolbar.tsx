import type { Ref } from 'react';
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
        aria-label={`Edit ${url}`}
        aria-expanded={isEditing}
        onClick={onEdit}
      >
        <Icon name="edit" /> Edit
      </button>
      <ConfirmButton
        className="quiet"
        label={`Rotate secret of ${url}`}
        trigger={
          <>
            <Icon name="retry" /> Rotate secret
          </>
        }
        question="Give this endpoint another secret?"
        consequence="The new secret is shown once. For 24 hours messages are signed with the old one as well, so none is refused while your server changes over."
        action="Rotate"
        onConfirm={async () => (await actions.rotate(id))?.message}
      />
      <ConfirmButton
        className="quiet"
        label={`Delete ${url}`}
        trigger={
          <>
            <Icon name="remove" /> Delete
          </>
        }
        question="Delete this endpoint?"
        consequence={`Nothing is sent to ${url} any more, and its deliveries are forgotten. There is no way back.`}
        action="Delete"
        danger
        onConfirm={async () => (await actions.remove(id))?.message}
      />
    </div>
  );
}

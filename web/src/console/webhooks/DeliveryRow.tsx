import { useId, useState } from 'react';
import { Link } from 'wouter';
import { ResendWebhookDeliveryDocument } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useGateway } from '../gateway/gateway';
import { messages } from '../messages';
import { Icon } from '../ui/Icon';
import { TimeAgo, TimeUntil } from '../ui/RelativeTime';
import { useAsyncAction } from '../ui/useAsyncAction';
import { DeliveryStateChip } from './DeliveryStateChip';
import type { Delivery } from './useDeliveries';

interface Props {
  delivery: Delivery;
  onResent: () => void;
}

export function DeliveryRow({ delivery, onResent }: Props) {
  const id = useId();
  return (
    <li className="delivery">
      <DeliveryStateChip state={delivery.state} />
      <div>
        <p id={id}>
          {messages.common.taskStatus[delivery.status]}: <TaskLink delivery={delivery} />
        </p>
        <p className="hint">
          <DeliveryTimes delivery={delivery} />
        </p>
        {delivery.error && <p className="field-error">{delivery.error}</p>}
      </div>
      <ResendButton delivery={delivery} labelId={id} onResent={onResent} />
    </li>
  );
}

function TaskLink({ delivery: { task } }: Pick<Props, 'delivery'>) {
  if (!task) return messages.webhooks.deletedTask;
  return <Link href={`/tasks/${task.id}`}>{task.prompt}</Link>;
}

function DeliveryTimes({ delivery }: Pick<Props, 'delivery'>) {
  const { attempts, responseStatus, error, createdAt, deliveredAt, lastAttemptAt, nextAttemptAt } = delivery;
  const text = messages.webhooks;
  return (
    <>
      {text.created(<TimeAgo at={createdAt} />)} · {text.attempts(attempts)}
      {responseStatus && !error && ` · ${text.responseStatus(responseStatus)}`}
      {deliveredAt && <> · {text.delivered(<TimeAgo at={deliveredAt} />)}</>}
      {!deliveredAt && lastAttemptAt && <> · {text.lastAttempt(<TimeAgo at={lastAttemptAt} />)}</>}
      {nextAttemptAt && <> · {text.nextAttempt(<TimeUntil at={nextAttemptAt} />)}</>}
    </>
  );
}

function ResendButton({ delivery, labelId, onResent }: Props & { labelId: string }) {
  const { client } = useGateway();
  const [errorMessage, setErrorMessage] = useState<string>();
  const [send, busy] = useAsyncAction(async () => {
    const { data, error } = await client.mutation(ResendWebhookDeliveryDocument, { id: delivery.id });
    const result = data?.resendWebhookDelivery;
    setErrorMessage(error ? describeError(error) : result && 'message' in result ? result.message : undefined);
    onResent();
  });
  return (
    <div>
      <button type="button" className="quiet" aria-busy={busy} aria-describedby={labelId} onClick={send}>
        <Icon name="retry" /> {messages.webhooks.resend}
      </button>
      {errorMessage && (
        <p className="field-error" role="alert">
          {errorMessage}
        </p>
      )}
    </div>
  );
}

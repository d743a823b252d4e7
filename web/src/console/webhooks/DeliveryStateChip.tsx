import type { WebhookDeliveryState } from '../../gql/graphql';
import { messages } from '../messages';

const tones: Record<WebhookDeliveryState, string> = { DELIVERED: 'success', PENDING: 'warning', FAILED: 'error' };

export function DeliveryStateChip({ state }: { state: WebhookDeliveryState }) {
  return <span className={`chip ${tones[state]}`}>{messages.webhooks.states[state]}</span>;
}

import type { WebhookDeliveryState } from '../../gql/graphql';

const states: Record<WebhookDeliveryState, { text: string; tone: string }> = {
  DELIVERED: { text: 'Delivered', tone: 'success' },
  PENDING: { text: 'Pending', tone: 'warning' },
  FAILED: { text: 'Given up', tone: 'error' },
};

export function DeliveryStateChip({ state }: { state: WebhookDeliveryState }) {
  const { text, tone } = states[state];
  return <span className={`chip ${tone}`}>{text}</span>;
}

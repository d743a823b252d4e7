import type { WebhookDeliveryState } from '../../gql/graphql';

const states: Record<WebhookDeliveryState, { text: string; tone: string }> = {
  DELIVERED: { text: 'Delivered', tone: 'good' },
  PENDING: { text: 'Pending', tone: 'warn' },
  FAILED: { text: 'Given up', tone: 'bad' },
};

export function StateChip({ state }: { state: WebhookDeliveryState }) {
  const { text, tone } = states[state];
  return <span className={`chip ${tone}`}>{text}</span>;
}

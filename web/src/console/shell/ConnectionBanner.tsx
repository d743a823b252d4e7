import { useGateway } from '../gateway/gateway';
import { messages } from '../messages';
import { useSignal } from '../ui/signal';

export function ConnectionBanner() {
  const { state } = useSignal(useGateway().connection);
  return (
    <div role="status" className="connection-status">
      {state === 'lost' && (
        <p className="notice warning">
          <span className="pulse" aria-hidden="true" /> {messages.shell.disconnected}
        </p>
      )}
    </div>
  );
}

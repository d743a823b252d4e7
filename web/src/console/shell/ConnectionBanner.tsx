import { useGateway } from '../gateway/gateway';
import { messages } from '../messages';
import { useSignal } from '../ui/signal';

/** Says that what is shown may be old, and that nothing need be done about it. */
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

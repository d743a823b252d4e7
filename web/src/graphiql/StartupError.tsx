import { messages } from './messages';

export function StartupError({ reason }: { reason: string }) {
  return (
    <div className="notice" role="alert">
      <p>{messages.startup(reason)}</p>
      <button type="button" onClick={() => location.reload()}>
        {messages.reload}
      </button>
    </div>
  );
}

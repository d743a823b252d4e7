import { messages } from './messages';

export function StartupError({ reason }: { reason: string }) {
  return (
    <main className="sign-in">
      <p className="notice error" role="alert">
        {messages.errors.startup(reason)}
      </p>
      <button type="button" className="primary" onClick={() => location.reload()}>
        {messages.common.reload}
      </button>
    </main>
  );
}

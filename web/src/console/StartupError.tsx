export function StartupError({ reason }: { reason: string }) {
  return (
    <main className="sign-in">
      <p className="notice error" role="alert">
        The console could not start: {reason}
      </p>
      <button type="button" className="primary" onClick={() => location.reload()}>
        Try again
      </button>
    </main>
  );
}

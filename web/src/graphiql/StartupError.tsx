export function StartupError({ reason }: { reason: string }) {
  return (
    <div className="notice" role="alert">
      <p>GraphiQL could not start: {reason}</p>
      <button type="button" onClick={() => location.reload()}>
        Try again
      </button>
    </div>
  );
}

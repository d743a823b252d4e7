import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react';
import { Provider } from 'urql';
import { ViewerDocument, type ViewerQuery } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { GatewayProvider, openGateway, type Gateway } from '../gateway/gateway';
import { subscribeToTaskEvents } from '../gateway/taskEvents';
import { messages } from '../messages';
import { ViewerProvider } from './ViewerContext';

interface Props {
  token: string;
  onTokenRejected: (message: string) => void;
  onSignOut: () => void;
  children: ReactNode;
}

type Viewer = ViewerQuery['viewer'];
const retryDelayMs = 2_000;

/** Connects with this token, and renders its children when the viewer is known. */
export function Session({ token, onTokenRejected, onSignOut, children }: Props) {
  // Grows when the event cursor has expired: then everything is loaded again.
  const [generation, setGeneration] = useState(0);
  const restart = useCallback(() => setGeneration((last) => last + 1), []);
  const hasStarted = useRef(false);
  const handleTokenRejected = useCallback(
    (reason: string) =>
      onTokenRejected(hasStarted.current ? messages.session.expired(reason) : messages.session.rejected(reason)),
    [onTokenRejected],
  );
  const opened = useOpenGateway(token, handleTokenRejected, generation);
  const { viewer, errorMessage } = useViewer(opened);
  const [session, setSession] = useState<{ gateway: Gateway; viewer: Viewer }>();
  // Set together: a list that is loaded before the cursor is read may miss events.
  if (opened && viewer && session?.gateway !== opened) setSession({ gateway: opened, viewer });

  useEffect(() => {
    if (session) hasStarted.current = true;
  }, [session]);
  useEffect(
    () => (session ? subscribeToTaskEvents(session.gateway, session.viewer.eventCursor, restart) : undefined),
    [session, restart],
  );
  if (!session) return <SessionLoading errorMessage={errorMessage} onSignOut={onSignOut} />;
  return (
    <GatewayProvider value={session.gateway}>
      <Provider value={session.gateway.client}>
        <ViewerProvider value={session.viewer}>{children}</ViewerProvider>
      </Provider>
    </GatewayProvider>
  );
}

function useOpenGateway(
  token: string,
  onTokenRejected: (reason: string) => void,
  generation: number,
): Gateway | undefined {
  const [gateway, setGateway] = useState<Gateway>();
  useEffect(() => {
    let open = true;
    // Ignore late responses to the previous token.
    const opened = openGateway(token, (reason) => open && onTokenRejected(reason));
    setGateway(opened);
    return () => {
      open = false;
      opened.close();
    };
  }, [token, onTokenRejected, generation]);
  return gateway;
}

function useViewer(gateway: Gateway | undefined): { viewer?: Viewer; errorMessage?: string } {
  const [loaded, setLoaded] = useState<{ gateway: unknown; viewer?: Viewer; errorMessage?: string }>();
  useEffect(() => {
    if (!gateway) return;
    let timer: ReturnType<typeof setTimeout>;
    let stopped = false;
    const load = async () => {
      const { data, error } = await gateway.client.query(ViewerDocument, {});
      if (stopped) return;
      setLoaded({ gateway, viewer: data?.viewer, errorMessage: error && describeError(error) });
      if (!data) timer = setTimeout(load, retryDelayMs);
    };
    void load();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [gateway]);
  return loaded && loaded.gateway === gateway ? loaded : {};
}

function SessionLoading({ errorMessage, onSignOut }: { errorMessage?: string; onSignOut: () => void }) {
  return (
    <main className="sign-in" aria-busy="true">
      {errorMessage ? (
        <p className="notice error" role="alert">
          {messages.session.retrying(errorMessage)}
        </p>
      ) : (
        <p className="hint">{messages.common.loading}</p>
      )}
      <button type="button" className="quiet" onClick={onSignOut}>
        {messages.session.signOut}
      </button>
    </main>
  );
}

import { useCallback, useEffect, useState, type ReactNode } from 'react';
import { Provider } from 'urql';
import { ViewerDocument, type ViewerQuery } from '../../gql/graphql';
import { followTasks } from '../gateway/events';
import { describe } from '../gateway/problem';
import { GatewayProvider, openGateway, type Gateway } from '../gateway/gateway';
import { ViewerProvider } from './viewer';

interface Props {
  token: string;
  onRefused: (reason: string) => void;
  children: ReactNode;
}

type Viewer = ViewerQuery['viewer'];
const againAfterMs = 2_000;

/** Opens the gateway for this token, and shows what is inside once it is known whose token it is. */
export function Session({ token, onRefused, children }: Props) {
  // Grows when the event log no longer reaches back to the cursor: then all is read anew.
  const [generation, setGeneration] = useState(0);
  const restart = useCallback(() => void setTimeout(() => setGeneration((last) => last + 1), againAfterMs), []);
  const [gateway, setGateway] = useState<Gateway>();

  useEffect(() => {
    const opened = openGateway(token, onRefused);
    setGateway(opened);
    return opened.close;
  }, [token, onRefused, generation]);

  if (!gateway) return null;
  return (
    <GatewayProvider value={gateway}>
      <Provider value={gateway.client}>
        <SignedIn gateway={gateway} onBroken={restart}>
          {children}
        </SignedIn>
      </Provider>
    </GatewayProvider>
  );
}

function SignedIn({ gateway, onBroken, children }: { gateway: Gateway; onBroken: () => void; children: ReactNode }) {
  const { viewer, problem } = useViewer(gateway);
  const cursor = viewer?.eventCursor;
  useEffect(() => (cursor ? followTasks(gateway, cursor, onBroken) : undefined), [gateway, cursor, onBroken]);

  if (!viewer) return <Waiting problem={problem} />;
  return <ViewerProvider value={viewer}>{children}</ViewerProvider>;
}

function useViewer({ client }: Gateway): { viewer?: Viewer; problem?: string } {
  const [found, setFound] = useState<{ client: unknown; viewer?: Viewer; problem?: string }>();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let ended = false;
    const ask = async () => {
      const { data, error } = await client.query(ViewerDocument, {});
      if (ended) return;
      setFound({ client, viewer: data?.viewer, problem: error && describe(error) });
      if (!data) timer = setTimeout(ask, againAfterMs);
    };
    void ask();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, [client]);
  return found?.client === client ? found : {};
}

function Waiting({ problem }: { problem?: string }) {
  return (
    <main className="sign-in" aria-busy="true">
      {problem ? (
        <p className="notice bad" role="alert">
          {problem} Trying again …
        </p>
      ) : (
        <p className="hint">Opening …</p>
      )}
    </main>
  );
}

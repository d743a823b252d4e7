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
  onLeave: () => void;
  children: ReactNode;
}

type Viewer = ViewerQuery['viewer'];
const againAfterMs = 2_000;

/** Opens the gateway for this token, and shows what is inside once it is known whose token it is. */
export function Session({ token, onRefused, onLeave, children }: Props) {
  // Grows when the event log no longer reaches back to the cursor: then all is read anew.
  const [generation, setGeneration] = useState(0);
  const restart = useCallback(() => setGeneration((last) => last + 1), []);
  const [gateway, setGateway] = useState<Gateway>();

  useEffect(() => {
    let open = true;
    // An answer to the last token, which comes late, says nothing of this one.
    const opened = openGateway(token, (reason) => open && onRefused(reason));
    setGateway(opened);
    return () => {
      open = false;
      opened.close();
    };
  }, [token, onRefused, generation]);

  if (!gateway) return null;
  return (
    <GatewayProvider value={gateway}>
      <Provider value={gateway.client}>
        <SignedIn gateway={gateway} onForgotten={restart} onLeave={onLeave}>
          {children}
        </SignedIn>
      </Provider>
    </GatewayProvider>
  );
}

interface SignedInProps {
  gateway: Gateway;
  onForgotten: () => void;
  onLeave: () => void;
  children: ReactNode;
}

function SignedIn({ gateway, onForgotten, onLeave, children }: SignedInProps) {
  const { viewer, problem } = useViewer(gateway);
  // When all is read anew, what the user was at stays.
  const shown = useLast(viewer);
  const cursor = viewer?.eventCursor;
  useEffect(() => (cursor ? followTasks(gateway, cursor, onForgotten) : undefined), [gateway, cursor, onForgotten]);

  if (!shown) return <Waiting problem={problem} onLeave={onLeave} />;
  return <ViewerProvider value={shown}>{children}</ViewerProvider>;
}

function useLast<T>(value: T | undefined): T | undefined {
  const [last, setLast] = useState(value);
  if (value !== undefined && value !== last) setLast(value);
  return value ?? last;
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

function Waiting({ problem, onLeave }: { problem?: string; onLeave: () => void }) {
  return (
    <main className="sign-in" aria-busy="true">
      {problem ? (
        <p className="notice bad" role="alert">
          {problem} Trying again …
        </p>
      ) : (
        <p className="hint">Opening …</p>
      )}
      <button type="button" className="quiet" onClick={onLeave}>
        Sign out
      </button>
    </main>
  );
}

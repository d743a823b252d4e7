import { useCallback, useState } from 'react';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import type { Config, User } from '../config';
import { Session } from './session/Session';
import { SignIn } from './session/SignIn';
import { forgetPasted, storePasted, storeUser, storedToken } from './session/tokens';
import { Shell } from './shell/Shell';

export function App({ config }: { config: Config }) {
  const [token, setToken] = useState(() => storedToken(config.users));
  const [notice, setNotice] = useState<string | null>(null);

  const leave = useCallback((reason: string | null) => {
    forgetPasted();
    setToken(null);
    setNotice(reason);
  }, []);
  const refused = useCallback((reason: string) => leave(`The token is no longer taken: ${reason}`), [leave]);
  const signOut = () => leave(null);
  const enter = (next: string) => {
    setNotice(null);
    setToken(next);
  };
  const become = (user: User) => {
    storeUser(user);
    enter(user.token);
  };
  const paste = (pasted: string) => {
    storePasted(pasted);
    enter(pasted);
  };

  if (token === null) return <SignIn users={config.users} notice={notice} onUser={become} onToken={paste} />;
  return (
    <Router hook={useHashLocation}>
      <Session key={token} token={token} onTokenRejected={refused} onLeave={signOut}>
        <Shell users={config.users} onUser={become} onLeave={signOut} />
      </Session>
    </Router>
  );
}

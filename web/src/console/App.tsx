import { useCallback, useState } from 'react';
import { Router } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import type { Config, User } from '../config';
import { Session } from './session/Session';
import { SignIn } from './session/SignIn';
import { clearPastedToken, storePastedToken, storeUser, storedToken } from './session/tokens';
import { Shell } from './shell/Shell';

export function App({ config }: { config: Config }) {
  const [token, setToken] = useState(() => storedToken(config.users));
  const [notice, setNotice] = useState<string | null>(null);

  const endSession = useCallback((message: string | null) => {
    clearPastedToken();
    setToken(null);
    setNotice(message);
  }, []);
  const signOut = () => endSession(null);
  const startSession = (next: string) => {
    setNotice(null);
    setToken(next);
  };
  const signInAs = (user: User) => {
    storeUser(user);
    startSession(user.token);
  };
  const signInWithToken = (pasted: string) => {
    storePastedToken(pasted);
    startSession(pasted);
  };

  if (token === null)
    return <SignIn users={config.users} notice={notice} onUser={signInAs} onToken={signInWithToken} />;
  return (
    <Router hook={useHashLocation}>
      <Session key={token} token={token} onTokenRejected={endSession} onSignOut={signOut}>
        <Shell users={config.users} onUser={signInAs} onSignOut={signOut} />
      </Session>
    </Router>
  );
}

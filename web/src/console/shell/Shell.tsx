import { useEffect, useRef } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import type { User } from '../../config';
import { AccountPage } from '../account/AccountPage';
import { CreditsProvider } from '../account/credits';
import { BoardPage } from '../boards/BoardPage';
import { BoardsPage } from '../boards/BoardsPage';
import { BoardsProvider } from '../boards/boards';
import { DraftProvider } from '../create/DraftProvider';
import { HistoryProvider } from '../gallery/history';
import { StudioPage } from '../gallery/StudioPage';
import { CatalogProvider } from '../gateway/CatalogProvider';
import { TaskPage } from '../task/TaskPage';
import { Toaster } from '../ui/Toaster';
import { WebhooksPage } from '../webhooks/WebhooksPage';
import { Announcer } from './Announcer';
import { Boundary } from './Boundary';
import { ConnectionBar } from './ConnectionBar';
import { Sidebar } from './Sidebar';

interface Props {
  users: User[];
  onUser: (user: User) => void;
  onLeave: () => void;
}

export function Shell({ users, onUser, onLeave }: Props) {
  return (
    <CatalogProvider>
      <CreditsProvider>
        <BoardsProvider>
          <DraftProvider>
            <HistoryProvider>
              <button type="button" className="skip-link" onClick={() => document.getElementById('main')?.focus()}>
                Skip to content
              </button>
              <div className="shell">
                <Sidebar users={users} onUser={onUser} onLeave={onLeave} />
                <main id="main" tabIndex={-1}>
                  <ConnectionBar />
                  <Pages />
                </main>
              </div>
              <Toaster />
              <Announcer />
            </HistoryProvider>
          </DraftProvider>
        </BoardsProvider>
      </CreditsProvider>
    </CatalogProvider>
  );
}

function Pages() {
  const [path] = useLocation();
  useArrival(path);
  return (
    <Boundary key={path}>
      <Switch>
        <Route path="/tasks/:id">{({ id }) => <TaskPage key={id} id={id} />}</Route>
        <Route path="/boards" component={BoardsPage} />
        <Route path="/boards/:id">{({ id }) => <BoardPage key={id} id={id} />}</Route>
        <Route path="/webhooks" component={WebhooksPage} />
        <Route path="/account" component={AccountPage} />
        <Route component={StudioPage} />
      </Switch>
    </Boundary>
  );
}

/** Whoever goes to another page is there, also with keyboard and screen reader; the studio scrolls for itself. */
function useArrival(path: string) {
  const last = useRef(path);
  useEffect(() => {
    if (last.current === path) return;
    last.current = path;
    const main = document.getElementById('main');
    if (!main?.contains(document.activeElement)) main?.focus({ preventScroll: true });
    if (path !== '/') scrollTo(0, 0);
  }, [path]);
}

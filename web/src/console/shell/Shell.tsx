import { useEffect, useRef } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import type { User } from '../../config';
import { AccountPage } from '../account/AccountPage';
import { CreditsProvider } from '../account/CreditsProvider';
import { BoardPage } from '../boards/BoardPage';
import { BoardsPage } from '../boards/BoardsPage';
import { BoardsProvider } from '../boards/BoardsProvider';
import { DraftProvider } from '../create/DraftProvider';
import { CreatePage } from '../gallery/CreatePage';
import { HistoryProvider } from '../gallery/HistoryProvider';
import { CatalogProvider } from '../gateway/CatalogProvider';
import { messages } from '../messages';
import { OperatePage } from '../operate/OperatePage';
import { TaskPage } from '../task/TaskPage';
import { Toaster } from '../ui/Toaster';
import { WebhooksPage } from '../webhooks/WebhooksPage';
import { Announcer } from './Announcer';
import { ConnectionBanner } from './ConnectionBanner';
import { ErrorBoundary } from './ErrorBoundary';
import { Sidebar } from './Sidebar';

interface Props {
  users: User[];
  onUser: (user: User) => void;
  onSignOut: () => void;
}

export function Shell({ users, onUser, onSignOut }: Props) {
  return (
    <CatalogProvider>
      <CreditsProvider>
        <BoardsProvider>
          <DraftProvider>
            <HistoryProvider>
              <button type="button" className="skip-link" onClick={() => document.getElementById('main')?.focus()}>
                {messages.shell.skipToContent}
              </button>
              <div className="shell">
                <Sidebar users={users} onUser={onUser} onSignOut={onSignOut} />
                <main id="main" tabIndex={-1}>
                  <ConnectionBanner />
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
  useFocusOnNavigation(path);
  return (
    <ErrorBoundary key={path}>
      <Switch>
        <Route path="/tasks/:id">{({ id }) => <TaskPage key={id} id={id} />}</Route>
        <Route path="/boards" component={BoardsPage} />
        <Route path="/boards/:id">{({ id }) => <BoardPage key={id} id={id} />}</Route>
        <Route path="/webhooks" component={WebhooksPage} />
        <Route path="/account" component={AccountPage} />
        <Route path="/operate/*?" component={OperatePage} />
        <Route component={CreatePage} />
      </Switch>
    </ErrorBoundary>
  );
}

/**
 * Moves the focus to the new page, for keyboard and screen reader users. The create page restores its own scroll
 * position.
 */
function useFocusOnNavigation(path: string) {
  const previousPath = useRef(path);
  useEffect(() => {
    if (previousPath.current === path) return;
    previousPath.current = path;
    const main = document.getElementById('main');
    if (!main?.contains(document.activeElement)) main?.focus({ preventScroll: true });
    if (path !== '/') scrollTo(0, 0);
  }, [path]);
}

import { Route, Switch } from 'wouter';
import type { User } from '../../config';
import { AccountPage } from '../account/AccountPage';
import { CreditsProvider } from '../account/credits';
import { BoardPage } from '../boards/BoardPage';
import { BoardsPage } from '../boards/BoardsPage';
import { DraftProvider } from '../create/draft';
import { StudioPage } from '../gallery/StudioPage';
import { OffersProvider } from '../gateway/offers';
import { TaskPage } from '../task/TaskPage';
import { Messages } from '../ui/messages';
import { WebhooksPage } from '../webhooks/WebhooksPage';
import { Announcer } from './Announcer';
import { ConnectionBar } from './ConnectionBar';
import { Sidebar } from './Sidebar';

interface Props {
  users: User[];
  onUser: (user: User) => void;
  onLeave: () => void;
}

export function Shell({ users, onUser, onLeave }: Props) {
  return (
    <OffersProvider>
      <CreditsProvider>
        <DraftProvider>
          <button type="button" className="skip" onClick={() => document.getElementById('main')?.focus()}>
            Skip to content
          </button>
          <div className="shell">
            <Sidebar users={users} onUser={onUser} onLeave={onLeave} />
            <main id="main" tabIndex={-1}>
              <ConnectionBar />
              <Pages />
            </main>
          </div>
          <Messages />
          <Announcer />
        </DraftProvider>
      </CreditsProvider>
    </OffersProvider>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/tasks/:id">{({ id }) => <TaskPage key={id} id={id} />}</Route>
      <Route path="/boards" component={BoardsPage} />
      <Route path="/boards/:id">{({ id }) => <BoardPage key={id} id={id} />}</Route>
      <Route path="/webhooks" component={WebhooksPage} />
      <Route path="/account" component={AccountPage} />
      <Route component={StudioPage} />
    </Switch>
  );
}

import { Link, useLocation } from 'wouter';
import type { User } from '../../config';
import { CreditsSummary } from '../account/CreditsSummary';
import { BoardLinks } from '../boards/BoardLinks';
import { messages } from '../messages';
import { useViewer } from '../session/ViewerContext';
import { Icon, type IconName } from '../ui/Icon';
import { Logo } from '../ui/Logo';
import { useMediaQuery } from '../ui/useMediaQuery';

/** The breakpoint of the sidebar, the same as in shell.css. */
const wideScreen = '(min-width: 56.01rem)';

interface Props {
  users: User[];
  onUser: (user: User) => void;
  onSignOut: () => void;
}

export function Sidebar({ users, onUser, onSignOut }: Props) {
  const isWide = useMediaQuery(wideScreen);
  const { role } = useViewer();
  return (
    <header className="sidebar">
      <Link href="/" className="brand" aria-label={messages.shell.home}>
        <Logo /> <span>{messages.common.product}</span>
      </Link>
      <nav aria-label={messages.shell.pages} className="page-nav">
        <NavItem href="/" icon="create" label={messages.common.create} />
        <NavItem href="/boards" icon="boards" label={messages.boards.heading} />
        <NavItem href="/webhooks" icon="webhooks" label={messages.webhooks.heading} />
        <NavItem href="/account" icon="account" label={messages.account.heading} />
        {role === 'ADMIN' && <NavItem href="/operate" icon="operate" label={messages.operate.heading} />}
      </nav>
      {isWide && <BoardLinks />}
      <div className="sidebar-footer">
        <CreditsSummary />
        <UserMenu users={users} onUser={onUser} onSignOut={onSignOut} />
        <a className="quiet" href="/graphiql">
          <Icon name="code" /> {messages.shell.graphiql}
        </a>
      </div>
    </header>
  );
}

function NavItem({ href, icon, label }: { href: string; icon: IconName; label: string }) {
  const [path] = useLocation();
  const isWithin = path.startsWith(`${href}/`);
  return (
    <Link href={href} aria-current={path === href ? 'page' : isWithin || undefined}>
      <Icon name={icon} /> {label}
    </Link>
  );
}

function UserMenu({ users, onUser, onSignOut }: Props) {
  const viewer = useViewer();
  const isListed = users.some(({ id }) => id === viewer.id);
  return (
    <div className="user-menu">
      {users.length > 0 ? (
        <label>
          <span className="visually-hidden">{messages.common.user}</span>
          <select
            value={isListed ? viewer.id : ''}
            onChange={(event) => onUser(users.find(({ id }) => id === event.target.value)!)}
          >
            {!isListed && <option value="">{viewer.id}</option>}
            {users.map(({ id, role }) => (
              <option key={id} value={id}>
                {role === 'ADMIN' ? messages.shell.adminUser(id) : id}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <span className="user-name" title={viewer.id}>
          {viewer.id}
        </span>
      )}
      <button type="button" className="quiet" onClick={onSignOut}>
        {messages.session.signOut}
      </button>
    </div>
  );
}

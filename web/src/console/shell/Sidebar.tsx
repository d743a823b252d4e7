import { Link, useLocation } from 'wouter';
import type { User } from '../../config';
import { CreditsSummary } from '../account/CreditsSummary';
import { BoardLinks } from '../boards/BoardLinks';
import { useViewer } from '../session/viewer';
import { Icon, type IconName } from '../ui/Icon';
import { useMediaQuery } from '../ui/useMediaQuery';
import { Logo } from '../ui/Logo';

/** As wide as the sidebar needs; the same as in shell.css. */
const wideScreen = '(min-width: 56.01rem)';

interface Props {
  users: User[];
  onUser: (user: User) => void;
  onLeave: () => void;
}

export function Sidebar({ users, onUser, onLeave }: Props) {
  const isWide = useMediaQuery(wideScreen);
  return (
    <header className="sidebar">
      <Link href="/" className="brand" aria-label="Plantain, home">
        <Logo /> <span>Plantain</span>
      </Link>
      <nav aria-label="Pages" className="page-nav">
        <Item href="/" icon="create" label="Create" />
        <Item href="/boards" icon="boards" label="Boards" />
        <Item href="/webhooks" icon="webhooks" label="Webhooks" />
        <Item href="/account" icon="account" label="Account" />
      </nav>
      {isWide && <BoardLinks />}
      <div className="sidebar-footer">
        <CreditsSummary />
        <Who users={users} onUser={onUser} onLeave={onLeave} />
        <a className="quiet" href="/graphiql">
          <Icon name="code" /> GraphiQL
        </a>
      </div>
    </header>
  );
}

function Item({ href, icon, label }: { href: string; icon: IconName; label: string }) {
  const [at] = useLocation();
  const isWithin = at.startsWith(`${href}/`);
  return (
    <Link href={href} aria-current={at === href ? 'page' : isWithin || undefined}>
      <Icon name={icon} /> {label}
    </Link>
  );
}

function Who({ users, onUser, onLeave }: Props) {
  const viewer = useViewer();
  const known = users.some(({ id }) => id === viewer.id);
  return (
    <div className="user-menu">
      {users.length > 0 ? (
        <label>
          <span className="visually-hidden">User</span>
          <select
            value={known ? viewer.id : ''}
            onChange={(event) => onUser(users.find(({ id }) => id === event.target.value)!)}
          >
            {!known && <option value="">{viewer.id}</option>}
            {users.map(({ id, role }) => (
              <option key={id} value={id}>
                {role === 'ADMIN' ? `${id} (admin)` : id}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <span className="user-name" title={viewer.id}>
          {viewer.id}
        </span>
      )}
      <button type="button" className="quiet" onClick={onLeave}>
        Sign out
      </button>
    </div>
  );
}

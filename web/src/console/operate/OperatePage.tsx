import { Link, Route, Switch, useLocation } from 'wouter';
import { messages } from '../messages';
import { useViewer } from '../session/ViewerContext';
import { AuditLog } from './AuditLog';
import { Live } from './Live';
import { OperatedTask } from './OperatedTask';
import { Tasks } from './Tasks';
import { Users } from './Users';

const sections = [
  ['/operate', messages.operate.live],
  ['/operate/tasks', messages.operate.tasks],
  ['/operate/users', messages.operate.users],
  ['/operate/audit', messages.operate.audit],
] as const;

/** What administrators see and do. The gateway checks the role as well. */
export function OperatePage() {
  if (useViewer().role !== 'ADMIN') return <p className="empty">{messages.operate.adminsOnly}</p>;
  return (
    <div className="page operate">
      <title>{messages.common.pageTitle(messages.operate.heading)}</title>
      <header className="stack">
        <h1>{messages.operate.heading}</h1>
        <SectionNav />
      </header>
      <Switch>
        <Route path="/operate" component={Live} />
        <Route path="/operate/tasks" component={Tasks} />
        <Route path="/operate/tasks/:id">{({ id }) => <OperatedTask key={id} id={id} />}</Route>
        <Route path="/operate/users" component={Users} />
        <Route path="/operate/audit" component={AuditLog} />
      </Switch>
    </div>
  );
}

function SectionNav() {
  const [path] = useLocation();
  return (
    <nav aria-label={messages.operate.sections} className="row">
      {sections.map(([href, label]) => (
        <Link key={href} href={href} className="button" aria-current={path === href ? 'page' : undefined}>
          {label}
        </Link>
      ))}
    </nav>
  );
}

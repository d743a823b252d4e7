import { AuditLogDocument } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import { messages } from '../messages';
import { TimeAgo } from '../ui/RelativeTime';

const entries = 100;

/** The newest acts of operators. */
export function AuditLog() {
  const [{ data, error }] = useRefetchingQuery(AuditLogDocument, { first: entries });
  if (!data) return <p className="empty">{error ? describeError(error) : messages.common.loading}</p>;
  const { nodes } = data.auditLog;
  if (nodes.length === 0) return <p className="empty">{messages.operate.noActs}</p>;
  return (
    <ol className="stack" aria-label={messages.operate.audit}>
      {nodes.map((entry, index) => (
        <li key={index} className="card">
          <p>
            <strong>{entry.actor}</strong> {entry.action} · {entry.target} · <TimeAgo at={entry.at} />{' '}
            {entry.finishedAt === null && <span className="chip warning">{messages.operate.unfinished}</span>}
          </p>
          <details>
            <summary>{messages.operate.states}</summary>
            <pre className="code scrolling" tabIndex={0}>
              {JSON.stringify({ before: entry.before, after: entry.after }, null, 2)}
            </pre>
          </details>
        </li>
      ))}
    </ol>
  );
}

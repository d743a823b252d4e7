import type { TaskPageQuery } from '../../gql/graphql';
import { messages } from '../messages';

type Entry = NonNullable<TaskPageQuery['task']>['timeline'][number];

/** All recorded steps, with the seconds since the first one. */
export function Timeline({ entries }: { entries: Entry[] }) {
  const [first] = entries;
  if (!first) return null;
  return (
    <section aria-label={messages.task.timeline} className="stack">
      <h2>{messages.task.timeline}</h2>
      <ol className="timeline">
        {entries.map((entry, index) => (
          <li key={index}>
            <time dateTime={entry.at} title={new Date(entry.at).toLocaleString()}>
              {messages.common.seconds(((Date.parse(entry.at) - Date.parse(first.at)) / 1000).toFixed(1))}
            </time>
            <div>
              <p>{messages.task.events[entry.kind]}</p>
              <Detail detail={entry.detail} />
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Detail({ detail }: { detail: unknown }) {
  if (detail === null || typeof detail !== 'object') return null;
  const text = Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(
      ([name, value]) => `${name.replaceAll('_', ' ')}: ${typeof value === 'object' ? JSON.stringify(value) : value}`,
    )
    .join(' · ');
  return text === '' ? null : <p className="hint">{text}</p>;
}

import { OperatedTaskDocument, type OperatedTaskQuery } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import { messages } from '../messages';
import { Timeline } from '../task/Timeline';
import { formatCredits } from '../ui/formatCredits';
import { TimeAgo, TimeUntil } from '../ui/RelativeTime';
import { TaskActionForm } from './TaskActionForm';

type Task = OperatedTaskQuery['allTasks']['nodes'][number];

/** What happened to a task of any user. Its prompt and its images are not shown. */
export function OperatedTask({ id }: { id: string }) {
  const [{ data, error }, refetch] = useRefetchingQuery(OperatedTaskDocument, { id });
  if (!data) return <p className="empty">{error ? describeError(error) : messages.common.loading}</p>;
  const [task] = data.allTasks.nodes;
  if (!task) return <p className="empty">{messages.operate.noSuchTask}</p>;
  return (
    <div className="stack">
      <h2 className="code">{task.id}</h2>
      <Facts task={task} />
      <TaskActionForm
        filter={{ ids: [task.id] }}
        disabled={false}
        onChanged={() => refetch({ requestPolicy: 'network-only' })}
      />
      <Timeline entries={task.timeline} />
      <Jobs jobs={task.jobs} />
      <Callbacks callbacks={task.callbacks} />
    </div>
  );
}

function Facts({ task }: { task: Task }) {
  const { settled, reserved } = task.cost;
  return (
    <ul className="card">
      <li>{messages.operate.taskOf(task.userId, task.model.id)}</li>
      <li>
        {messages.common.statuses[task.status]} · <TimeAgo at={task.createdAt} />
      </li>
      <li>{settled === null ? messages.operate.reserved(formatCredits(reserved)) : messages.operate.cost(formatCredits(settled))}</li>
      {task.failure && (
        <li>
          {messages.operate.failures[task.failure.code]}: {task.failure.message}
        </li>
      )}
    </ul>
  );
}

function Jobs({ jobs }: { jobs: Task['jobs'] }) {
  return (
    <section className="stack" aria-label={messages.operate.jobs}>
      <h2>{messages.operate.jobs}</h2>
      <ul className="stack">
        {jobs.map((job) => (
          <li key={job.number} className="card">
            <p>
              {messages.operate.job(job.number, messages.common.provider(job.provider))}{' '}
              <span className="chip">{messages.common.statuses[job.status]}</span>{' '}
              {job.claimed && <span className="chip">{messages.operate.claimed}</span>}
            </p>
            <p className="hint">
              {messages.operate.attempts(job.attempts)}
              {job.nextStepAt && messages.operate.nextStep(<TimeUntil at={job.nextStepAt} />)}
              {job.upstreamId && <span className="code"> {job.upstreamId}</span>}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Callbacks({ callbacks }: { callbacks: Task['callbacks'] }) {
  return (
    <section className="stack" aria-label={messages.operate.callbacks}>
      <h2>{messages.operate.callbacks}</h2>
      {callbacks.length === 0 && <p className="hint">{messages.operate.noCallbacks}</p>}
      <ul className="stack">
        {callbacks.map((callback, index) => (
          <li key={index} className="card">
            <p>
              {messages.operate.job(callback.job, messages.common.provider(callback.provider))} ·{' '}
              <TimeAgo at={callback.receivedAt} />
            </p>
            <pre className="code scrolling" tabIndex={0}>
              {JSON.stringify(callback.body, null, 2)}
            </pre>
          </li>
        ))}
      </ul>
    </section>
  );
}

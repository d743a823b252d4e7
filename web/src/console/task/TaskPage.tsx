import { useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import { TaskPageDocument, type TaskPageQuery } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { useGateway } from '../gateway/gateway';
import { isActive, type Task } from '../gateway/taskStore';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import { messages } from '../messages';
import { formatCreditAmount, formatCredits } from '../ui/formatCredits';
import { TimeAgo } from '../ui/RelativeTime';
import { useSignal } from '../ui/signal';
import { TaskActions } from './TaskActions';
import { TaskImages } from './TaskImages';
import { Timeline } from './Timeline';
import { statusLabel } from './useProgress';

type Details = NonNullable<TaskPageQuery['task']>;

export function TaskPage({ id }: { id: string }) {
  const { tasks } = useGateway();
  const stored = useSignal(tasks.all).find((task) => task.id === id);
  const [{ data, error, fetching }, refetch] = useRefetchingQuery(TaskPageDocument, { id });
  const details = data?.task;

  useEffect(() => {
    if (details) tasks.merge([details]);
  }, [tasks, details]);
  // Events do not include the timeline.
  useEffect(() => {
    if (stored && details && stored.version > details.version) refetch();
  }, [stored, details, refetch]);

  if (error && !details) return <p className="notice error">{describeError(error)}</p>;
  if (!details) return fetching ? <p className="hint">{messages.common.loading}</p> : <TaskNotFound />;
  return stored && <TaskDetails task={stored} details={details} />;
}

function TaskNotFound() {
  return (
    <div className="empty stack">
      <h1>{messages.task.notFound}</h1>
      <p>{messages.task.notFoundHint}</p>
      <p>
        <Link href="/">{messages.task.backToHistory}</Link>
      </p>
    </div>
  );
}

function TaskDetails({ task, details }: { task: Task; details: Details }) {
  return (
    <article className="page task-page">
      <title>{messages.common.pageTitle(task.prompt.slice(0, 60))}</title>
      <TaskImages task={task} />
      <div className="task-side">
        <header className="stack">
          <StatusLine task={task} />
          <h1>{task.prompt}</h1>
          <TaskActions task={task} />
        </header>
        <TaskProperties task={task} details={details} />
        <Timeline entries={details.timeline} />
      </div>
    </article>
  );
}

function StatusLine({ task }: { task: Task }) {
  const tone =
    task.status === 'SUCCEEDED' ? 'success' : task.status === 'FAILED' ? 'error' : isActive(task) ? 'warning' : '';
  return (
    <p className="row">
      <span className={`chip ${tone}`} role="status">
        {statusLabel(task)}
      </span>
      <span className="hint">{messages.task.created(<TimeAgo at={task.createdAt} />)}</span>
    </p>
  );
}

function TaskProperties({ task, details }: { task: Task; details: Details }) {
  const { model, cost, board } = details;
  return (
    <dl className="properties">
      <Property name={messages.common.model}>
        {model.id} <span className="hint">{messages.common.provider(model.provider)}</span>
      </Property>
      <Property name={messages.task.cost}>
        {cost.settled === null
          ? messages.task.creditsReserved(formatCreditAmount(cost.reserved))
          : formatCredits(cost.settled)}
      </Property>
      {task.aspectRatio && <Property name={messages.common.aspectRatio}>{task.aspectRatio}</Property>}
      {task.requestedImages > 1 && (
        <Property name={messages.common.images}>
          {messages.task.imageCount(task.images.length, task.requestedImages)}
        </Property>
      )}
      {details.completedAt && (
        <Property name={messages.task.duration}>{formatDuration(details.createdAt, details.completedAt)}</Property>
      )}
      {board && (
        <Property name={messages.common.board}>
          <Link href={`/boards/${board.id}`}>{board.title}</Link>
        </Property>
      )}
      <Property name={messages.task.id}>
        <code>{task.id}</code>
      </Property>
    </dl>
  );
}

function Property({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function formatDuration(from: string, to: string): string {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  return seconds < 100
    ? messages.common.seconds(seconds.toFixed(1))
    : messages.common.minutes(Math.round(seconds / 60));
}

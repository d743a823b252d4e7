import { useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import { TaskPageDocument, type TaskPageQuery } from '../../gql/graphql';
import { providerNames } from '../gateway/providers';
import { useGateway } from '../gateway/gateway';
import { describeError } from '../gateway/errors';
import { isLive, type Task } from '../gateway/taskStore';
import { useRefetchingQuery } from '../gateway/useRefetchingQuery';
import { TimeAgo } from '../ui/RelativeTime';
import { useSignal } from '../ui/signal';

import { Frames } from './Frames';
import { TaskButtons } from './TaskButtons';
import { Timeline } from './Timeline';
import { stageOf } from './stages';

type Details = NonNullable<TaskPageQuery['task']>;

/** One task with all that is known of it. */
export function TaskPage({ id }: { id: string }) {
  const { tasks } = useGateway();
  const known = useSignal(tasks.all).find((task) => task.id === id);
  const [{ data, error, fetching }, refetch] = useRefetchingQuery(TaskPageDocument, { id });
  const details = data?.task;

  useEffect(() => {
    if (details) tasks.merge([details]);
  }, [tasks, details]);
  // An event brings the new state; the timeline is longer then.
  useEffect(() => {
    if (known && details && known.version > details.version) refetch();
  }, [known, details, refetch]);

  if (error && !details) return <p className="notice error">{describeError(error)}</p>;
  if (!details) return fetching ? <p className="hint">Reading …</p> : <NoSuchTask />;
  return known && <Shown task={known} details={details} />;
}

function NoSuchTask() {
  return (
    <div className="empty stack">
      <h1>There is no such task</h1>
      <p>It was deleted, or it belongs to somebody else.</p>
      <p>
        <Link href="/">Back to the history</Link>
      </p>
    </div>
  );
}

function Shown({ task, details }: { task: Task; details: Details }) {
  return (
    <article className="page task-page">
      <title>{`${task.prompt.slice(0, 60)} · Plantain`}</title>
      <Frames task={task} />
      <div className="task-side">
        <header className="stack">
          <Standing task={task} />
          <h1>{task.prompt}</h1>
          <TaskButtons task={task} />
        </header>
        <Facts task={task} details={details} />
        <Timeline entries={details.timeline} />
      </div>
    </article>
  );
}

function Standing({ task }: { task: Task }) {
  const tone =
    task.status === 'SUCCEEDED' ? 'success' : task.status === 'FAILED' ? 'error' : isLive(task) ? 'warning' : '';
  return (
    <p className="row">
      <span className={`chip ${tone}`} role="status">
        {stageOf(task)}
      </span>
      <span className="hint">
        asked for <TimeAgo at={task.createdAt} />
      </span>
    </p>
  );
}

function Facts({ task, details }: { task: Task; details: Details }) {
  const { model, cost, board } = details;
  return (
    <dl className="facts">
      <Fact name="Made by">
        {model.id} <span className="hint">{providerNames[model.provider]}</span>
      </Fact>
      <Fact name="Cost">{cost.settled === null ? `${cost.reserved} credits held` : `${cost.settled} credits`}</Fact>
      {task.aspectRatio && <Fact name="Shape">{task.aspectRatio}</Fact>}
      {task.requestedImages > 1 && (
        <Fact name="Images">
          {task.images.length} of {task.requestedImages}
        </Fact>
      )}
      {details.completedAt && <Fact name="Took">{secondsBetween(details.createdAt, details.completedAt)}</Fact>}
      {board && (
        <Fact name="Board">
          <Link href={`/boards/${board.id}`}>{board.title}</Link>
        </Fact>
      )}
      <Fact name="Id">
        <code>{task.id}</code>
      </Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function secondsBetween(from: string, to: string): string {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  return seconds < 100 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`;
}

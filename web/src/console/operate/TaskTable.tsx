import { Link } from 'wouter';
import { messages } from '../messages';
import { formatCreditAmount } from '../ui/formatCredits';
import { TimeAgo } from '../ui/RelativeTime';
import type { OperatedTaskNode } from './Tasks';

export function TaskTable({ tasks }: { tasks: readonly OperatedTaskNode[] }) {
  if (tasks.length === 0) return null;
  return (
    <div className="scrolling" role="region" aria-label={messages.operate.tasks} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {messages.operate.taskColumns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <tr key={task.id}>
              <th scope="row">
                <Link href={`/operate/tasks/${task.id}`} className="code">
                  {task.id.slice(0, 17)}…
                </Link>
              </th>
              <td>{task.userId}</td>
              <td>
                {messages.common.statuses[task.status]}
                {task.failure && <span className="hint"> {messages.operate.failures[task.failure.code]}</span>}
              </td>
              <td>{task.model.id}</td>
              <td>
                <TimeAgo at={task.createdAt} />
              </td>
              <td>{formatCreditAmount(task.cost.settled ?? task.cost.reserved)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

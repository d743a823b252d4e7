-- Tasks of all users by status, for operators. Most tasks have succeeded: those are found by their id.

SET LOCAL lock_timeout = '5s';

CREATE INDEX tasks_by_status ON tasks (status, id) WHERE status <> 'SUCCEEDED';
COMMENT ON INDEX tasks_by_status IS 'store::all_tasks, and store::statistics: unfinished tasks';

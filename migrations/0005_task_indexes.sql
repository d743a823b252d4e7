-- Indexes on tasks that keep the cost of each statement the same when histories and queues grow. A migration locks only
-- one table that a running replica writes, and waits only briefly: otherwise both could wait for each other.

SET LOCAL lock_timeout = '5s';

CREATE INDEX tasks_history_by_model ON tasks (owner, model, id);
COMMENT ON INDEX tasks_history_by_model IS 'store::history with a model';

CREATE INDEX tasks_reroutable ON tasks (model, id) WHERE status = 'QUEUED' AND NOT model_named;
COMMENT ON INDEX tasks_reroutable IS 'store::reroute: tasks that wait for an unavailable provider';

CREATE INDEX tasks_deadlines ON tasks (deadline_at)
WHERE deadline_at IS NOT NULL AND status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING');
COMMENT ON INDEX tasks_deadlines IS 'store::leases::list_expired: deadlines of clients';

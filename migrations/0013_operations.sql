-- What operators see and do.

SET LOCAL lock_timeout = '5s';

-- One replica runs each of these jobs at a time: the one that moves `ran_at`.
CREATE TABLE periodic_runs (
    name text PRIMARY KEY,
    ran_at timestamptz NOT NULL,
    position text
);
COMMENT ON TABLE periodic_runs IS 'elects the replica that runs a periodic job (store::periodic_runs)';
COMMENT ON COLUMN periodic_runs.name IS 'as in workers::periodic';
COMMENT ON COLUMN periodic_runs.ran_at IS 'when the last run started';
COMMENT ON COLUMN periodic_runs.position IS 'where the next run continues, for a job that does its work in parts';

CREATE TABLE task_statistics (
    period timestamptz NOT NULL,
    model text NOT NULL,
    status text NOT NULL,
    duration_class smallint NOT NULL,
    tasks integer NOT NULL,
    credits bigint NOT NULL,
    PRIMARY KEY (period, model, status, duration_class)
);
COMMENT ON TABLE task_statistics IS 'tasks by the five minutes in which they were created; counted again until all of them have finished (store::statistics)';
COMMENT ON COLUMN task_statistics.duration_class IS 'index in domain::DURATION_BOUNDS of the time from creation to completion; 0 unless SUCCEEDED';
COMMENT ON COLUMN task_statistics.credits IS 'what the tasks cost, in thousandths';
CREATE INDEX task_statistics_open ON task_statistics (period)
WHERE status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING');
COMMENT ON INDEX task_statistics_open IS 'periods with unfinished tasks';

CREATE TABLE unbalanced_accounts (
    owner text PRIMARY KEY,
    found_at timestamptz NOT NULL,
    difference jsonb NOT NULL
);
COMMENT ON TABLE unbalanced_accounts IS 'users whose totals differ from their ledger: a fault of the gateway (store::account_checks)';
COMMENT ON COLUMN unbalanced_accounts.difference IS 'totals minus ledger, in thousandths, by account';

CREATE TABLE account_checkpoints (
    owner text PRIMARY KEY REFERENCES users (id),
    ledger_id bigint NOT NULL,
    granted bigint NOT NULL,
    reserved bigint NOT NULL,
    spent bigint NOT NULL
);
COMMENT ON TABLE account_checkpoints IS 'the sums of a user''s ledger up to an entry: a check adds only the newer ones (store::account_checks)';

CREATE TABLE audit_log (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    before jsonb,
    after jsonb,
    finished_at timestamptz
);
COMMENT ON TABLE audit_log IS 'what operators did; written before it is done, and completed after it';
COMMENT ON COLUMN audit_log.id IS 'UUIDv7: paged by it, newest first';
COMMENT ON COLUMN audit_log.actor IS 'the sub claim of the operator''s token, or cli: and the user of the operating system';
COMMENT ON COLUMN audit_log.finished_at IS 'null while it is being done, and when the gateway died meanwhile';
CREATE INDEX audit_log_of_target ON audit_log (target, id);
COMMENT ON INDEX audit_log_of_target IS 'the acts on a provider or a user';

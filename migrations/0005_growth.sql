-- Indexes that keep the cost of each statement the same when histories and queues grow.

CREATE INDEX tasks_history_by_model ON tasks (owner, model, id);
COMMENT ON INDEX tasks_history_by_model IS 'store::history with a model';

CREATE INDEX tasks_reroutable ON tasks (model, id) WHERE status = 'QUEUED' AND NOT model_named;
COMMENT ON INDEX tasks_reroutable IS 'store::reroute: tasks that wait for an unavailable provider';

CREATE INDEX tasks_deadlines ON tasks (deadline_at)
WHERE deadline_at IS NOT NULL AND status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING');
COMMENT ON INDEX tasks_deadlines IS 'store::leases::list_expired: deadlines of clients';

-- A job that waits for its first submission expires only at the client's deadline.
CREATE INDEX jobs_expirable ON jobs (expires_at)
WHERE expires_at IS NOT NULL AND (status <> 'QUEUED' OR (submit_started_at IS NULL AND step_attempts > 0));
COMMENT ON INDEX jobs_expirable IS 'store::leases::list_expired: timeouts';
DROP INDEX jobs_expiring;

CREATE INDEX jobs_storing_by_expiry ON jobs ((results -> 0 ->> 'expires_at'), next_step_at) WHERE status = 'STORING';
COMMENT ON INDEX jobs_storing_by_expiry IS 'store::leases::claim_downloads: the links that expire first';

-- ILIKE ignores the case of letters outside ASCII only in some collations; those of ICU know all letters.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN
        CREATE FUNCTION fold_case(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN lower($1 COLLATE "und-x-icu");
    ELSE
        CREATE FUNCTION fold_case(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN lower($1);
    END IF;
END
$$;
COMMENT ON FUNCTION fold_case IS 'the text in lower case, for comparisons that ignore the case';

-- The extensions are part of each Postgres, but some hosts offer them under conditions. Without them, a search for a
-- text reads the history of its user.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS btree_gin;
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX tasks_prompts ON tasks USING gin (owner, fold_case(prompt) gin_trgm_ops);
    COMMENT ON INDEX tasks_prompts IS 'store::history with a text of the prompt';
EXCEPTION
    WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
        RAISE NOTICE 'no index for searches of prompts: %', SQLERRM;
END
$$;

-- Comments in the words of docs/glossary.md, with the present names of the code.
COMMENT ON COLUMN providers.paused_until IS 'no submission starts before this time';
COMMENT ON COLUMN providers.pause_reason IS 'a domain::BreakerReason; kept until a submission succeeds, so that the first ones after a pause go one by one';
COMMENT ON COLUMN providers.trips IS 'how many times the pause was doubled since the circuit breaker was closed';
COMMENT ON COLUMN providers.limited_until IS 'a rate limit of the provider: no submission and no status query starts before this time';
COMMENT ON COLUMN providers.probe_until IS 'deadline of the submission that tests whether the provider works again';
COMMENT ON COLUMN providers.turn IS 'turn of the newest submission: where a user who joins the queue begins';
COMMENT ON COLUMN users.granted IS 'the quota: all credits ever granted; null without a quota (PLANTAIN_USER_QUOTA)';
COMMENT ON COLUMN users.reserved IS 'credits reserved for unfinished tasks: the sum of state.reserved, and of the ledger';
COMMENT ON COLUMN users.forgotten_seq IS 'events up to this number may be purged: a cursor before it cannot continue without a gap';
COMMENT ON COLUMN tasks.model_named IS 'whether the client named the model; otherwise the gateway selected it, and may select another while the task is QUEUED';
COMMENT ON COLUMN tasks.refused_by IS 'providers that rejected the task: it is never rerouted to one of them';
COMMENT ON COLUMN jobs.submit_started_at IS 'committed before the provider is called: when it is set without upstream_id, the response was lost';
COMMENT ON COLUMN jobs.sent_at IS 'when the submission started, and from its response on, when that arrived; the rate limit counts by it';
COMMENT ON COLUMN jobs.faltered IS 'a submission failed with an internal error of the provider; the job gets one more';
COMMENT ON COLUMN jobs.lease_attempts IS 'claims since the last recorded update: more than one means that a worker crashed';
COMMENT ON COLUMN jobs.step_attempts IS 'how many times the step was postponed since the status last changed';
COMMENT ON COLUMN images.version IS 'the version of the task that first contains it';
COMMENT ON COLUMN uploads.stored_as IS 'media type of the stored file; null until it was received';
COMMENT ON COLUMN webhook_deliveries.status IS 'the status of the task in the event';
COMMENT ON COLUMN webhook_deliveries.last_status IS 'HTTP status of the last response';
COMMENT ON TABLE webhook_endpoints IS 'URLs of users that receive events of tasks';
COMMENT ON INDEX tasks_durations IS 'store::stats: recent durations of a model and a number of images';
COMMENT ON INDEX tasks_of_model IS 'store::stats: recent durations of a model';
COMMENT ON INDEX jobs_queue IS 'store::queue::claim_submissions and store::stats::queue_positions';
COMMENT ON INDEX jobs_queued IS 'store::queue::next_submission_due';
COMMENT ON INDEX jobs_refused IS 'store::reroute';
COMMENT ON INDEX jobs_unanswered IS 'store::queue: submissions in progress, and those that a crash interrupted';
COMMENT ON INDEX callbacks_due IS 'store::callbacks::claim_callbacks';
COMMENT ON INDEX webhook_endpoints_enabled IS 'store::enqueue_deliveries';
COMMENT ON VIEW task_details IS 'a whole task in one row; only replicas of the release before 0005 read it';
COMMENT ON COLUMN jobs.next_step_at IS 'when a worker may claim it; while leased, when the lease ends; null when it waits for a callback, its user, a reroute or the sweep';
COMMENT ON COLUMN jobs.expires_at IS 'when the sweep ends it';
COMMENT ON COLUMN jobs.lease IS 'token of the worker that claimed the job; without it, a worker can record only that the provider accepted the job';
COMMENT ON TABLE callbacks IS 'callbacks of providers; body and headers are cleared when a worker has processed one, and the row stays until its retention ends, to recognize repeats';
COMMENT ON INDEX ledger_openings IS 'the first quota of a user is granted once';

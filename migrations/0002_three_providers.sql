-- Several providers, with turns, breakers and rates; the users' allowances and their ledger.

ALTER TABLE users
    ADD COLUMN granted bigint,
    ADD COLUMN reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    ADD COLUMN spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0);
COMMENT ON COLUMN users.granted IS 'the allowance ever granted; null until an allowance is kept (PLANTAIN_USER_QUOTA)';
COMMENT ON COLUMN users.reserved IS 'held for live tasks: the sum of state.reserved, and of the ledger';
COMMENT ON COLUMN users.spent IS 'the sum of state.settled, and of the ledger';

CREATE TABLE ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text NOT NULL REFERENCES users (id),
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('OPENING', 'GRANT', 'RESERVE', 'SETTLE', 'RELEASE', 'CHARGE')),
    from_account text NOT NULL CHECK (from_account IN ('operator', 'available', 'reserved')),
    to_account text NOT NULL CHECK (to_account IN ('available', 'reserved', 'spent')),
    amount bigint NOT NULL CHECK (amount >= 0),
    task_id uuid REFERENCES tasks (id) ON DELETE SET NULL,
    version integer,
    idempotency_key text,
    reason text,
    UNIQUE (task_id, version, kind)
);
COMMENT ON TABLE ledger IS 'double entry: every movement of a user''s credits, in the transaction that caused it; never changed';
COMMENT ON COLUMN ledger.version IS 'the task''s version that caused it: none can cause the same entry twice';
CREATE INDEX ledger_of_owner ON ledger (owner, id);
CREATE UNIQUE INDEX ledger_openings ON ledger (owner) WHERE kind = 'OPENING';
CREATE UNIQUE INDEX ledger_grants ON ledger (idempotency_key) WHERE kind = 'GRANT';
COMMENT ON INDEX ledger_openings IS 'the allowance that a user starts with is granted once';
COMMENT ON INDEX ledger_grants IS 'a repeated grant grants once';

ALTER TABLE providers
    ADD COLUMN trips integer NOT NULL DEFAULT 0,
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    ADD COLUMN limited_until timestamptz,
    ADD COLUMN probe_until timestamptz,
    ADD COLUMN turn bigint NOT NULL DEFAULT 0,
    ADD COLUMN next_submission_at timestamptz,
    ADD COLUMN next_query_at timestamptz;
UPDATE providers
SET limited_until = paused_until, paused_until = NULL, pause_reason = NULL
WHERE pause_reason = 'RATE_LIMITED';
COMMENT ON TABLE providers IS 'one row per provider account, locked for each claim: what replicas must agree on';
COMMENT ON COLUMN providers.pause_reason IS 'a domain::Trouble; set until a submission succeeds, so that the first ones after a pause go one by one';
COMMENT ON COLUMN providers.trips IS 'pauses in a row; each is twice as long as the one before';
COMMENT ON COLUMN providers.failures IS 'failed submissions in a row';
COMMENT ON COLUMN providers.limited_until IS 'it asked for patience until then: it is neither given nor asked anything';
COMMENT ON COLUMN providers.probe_until IS 'one submission is out to see whether the provider works again';
COMMENT ON COLUMN providers.turn IS 'the turn of the newest submission: where a user who joins the queue begins';
COMMENT ON COLUMN providers.next_submission_at IS 'when the rate or concurrency permits another; only says how long to sleep';
COMMENT ON COLUMN providers.next_query_at IS 'the theoretical arrival time of the generic cell rate algorithm';

ALTER TABLE tasks
    ADD COLUMN model_named boolean NOT NULL DEFAULT true,
    ADD COLUMN max_credits bigint,
    ADD COLUMN refused_by text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN tasks.model IS 'named by the client, or chosen by the gateway, which may then choose again while it is QUEUED';
COMMENT ON COLUMN tasks.refused_by IS 'providers that would not take it: it never moves back to one';
COMMENT ON COLUMN tasks.max_credits IS 'the client''s maxCredits: binds a later choice, too';

ALTER TABLE jobs
    ADD COLUMN owner text,
    ADD COLUMN turn bigint NOT NULL DEFAULT 0,
    ADD COLUMN sent_at timestamptz,
    ADD COLUMN faltered boolean NOT NULL DEFAULT false;
UPDATE jobs AS j
SET owner = t.owner, sent_at = j.submit_started_at
FROM tasks AS t
WHERE t.id = j.task_id;
ALTER TABLE jobs ALTER COLUMN owner SET NOT NULL;
COMMENT ON COLUMN jobs.turn IS 'its place in the queue: each user has one job per turn';
COMMENT ON COLUMN jobs.sent_at IS 'when it was last sent to the provider, and then when that was answered; the rate is counted by it';
COMMENT ON COLUMN jobs.faltered IS 'the provider answered a submission with an error of its own; it gets one more';

ALTER TABLE callbacks ADD COLUMN headers jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN callbacks.headers IS 'those that may sign the body, by their name in lower case';

DROP INDEX jobs_due;
DROP INDEX jobs_submissions;
CREATE INDEX jobs_queue ON jobs (provider, turn, task_id, number) WHERE status = 'QUEUED';
CREATE INDEX jobs_queued ON jobs (provider, next_step_at) WHERE status = 'QUEUED';
CREATE INDEX jobs_generating ON jobs (provider, next_step_at) WHERE status = 'GENERATING';
CREATE INDEX jobs_refused ON jobs (task_id) WHERE status = 'QUEUED' AND failure IS NOT NULL;
CREATE INDEX jobs_unanswered ON jobs (provider, next_step_at) WHERE status = 'QUEUED' AND submit_started_at IS NOT NULL;
CREATE INDEX jobs_storing ON jobs (next_step_at) WHERE status = 'STORING';
CREATE INDEX jobs_turns ON jobs (provider, owner, turn) WHERE status = 'QUEUED' OR sent_at IS NOT NULL;
CREATE INDEX jobs_sent ON jobs (provider, sent_at) WHERE sent_at IS NOT NULL;
COMMENT ON INDEX jobs_queue IS 'store::queue::claim_submissions and store::insight::queue_positions';
COMMENT ON INDEX jobs_queued IS 'store::queue::next_submission';
COMMENT ON INDEX jobs_refused IS 'store::moves';
COMMENT ON INDEX jobs_unanswered IS 'store::queue: submissions under way, and those of a gateway that was killed';
COMMENT ON INDEX jobs_generating IS 'store::polls';
COMMENT ON INDEX jobs_storing IS 'store::leases';
COMMENT ON INDEX jobs_turns IS 'the last turn of a user, in store::create::insert_jobs';
COMMENT ON INDEX jobs_sent IS 'the rate limit in store::queue::claim_submissions';

CREATE INDEX tasks_of_model ON tasks (model, id) WHERE status = 'SUCCEEDED';
DROP INDEX tasks_durations;
CREATE INDEX tasks_durations ON tasks (model, ((request ->> 'count')::integer), id) WHERE status = 'SUCCEEDED';
COMMENT ON INDEX tasks_of_model IS 'store::insight: recent durations of a model';
COMMENT ON INDEX tasks_durations IS 'store::insight: recent durations of a model and a number of images';

-- Tasks from before the ledger: a live task holds what its finished jobs cost as well.
UPDATE tasks AS t
SET state = jsonb_set(t.state, '{reserved}', to_jsonb(held.credits))
FROM (
    SELECT task_id, sum(COALESCE(settled, price))::bigint AS credits FROM jobs GROUP BY task_id
) AS held
WHERE held.task_id = t.id AND t.status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING');

INSERT INTO ledger (owner, at, kind, from_account, to_account, amount, task_id, version)
SELECT t.owner, t.created_at, entry.kind, 'available', entry.account, entry.amount, t.id, 0
FROM tasks AS t
CROSS JOIN LATERAL (VALUES
    ('RESERVE', 'reserved', (t.state ->> 'reserved')::bigint),
    ('CHARGE', 'spent', (t.state ->> 'settled')::bigint)
) AS entry (kind, account, amount)
WHERE entry.amount > 0;

UPDATE users AS u
SET reserved = sums.reserved, spent = sums.spent
FROM (
    SELECT
        owner,
        COALESCE(sum(amount) FILTER (WHERE to_account = 'reserved'), 0)::bigint AS reserved,
        COALESCE(sum(amount) FILTER (WHERE to_account = 'spent'), 0)::bigint AS spent
    FROM ledger
    GROUP BY owner
) AS sums
WHERE sums.owner = u.id;

CREATE OR REPLACE VIEW task_details AS
SELECT
    t.id,
    t.owner,
    t.kind,
    t.model,
    t.prompt,
    t.status,
    t.request,
    t.metadata,
    t.created_at,
    t.state,
    (
        SELECT jsonb_agg(
            jsonb_build_object(
                'id', i.id,
                'job', i.job,
                'position', i.position,
                'version', i.version,
                'width', i.width,
                'height', i.height,
                'media_type', i.media_type,
                'byte_size', i.byte_size,
                'sha256', encode(i.sha256, 'hex'),
                'thumbhash', encode(i.thumbhash, 'hex'),
                'created_at', i.created_at
            )
            ORDER BY i.job, i.position
        )
        FROM images AS i
        WHERE i.task_id = t.id
    ) AS images,
    t.model_named,
    t.max_credits
FROM tasks AS t;

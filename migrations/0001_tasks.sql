-- Tasks, their upstream jobs, and what is remembered of both.
-- Times are timestamptz to the millisecond, given by the program; credits are thousandths (bigint).

CREATE TABLE users (
    id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
    last_seq bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL
);
COMMENT ON COLUMN users.id IS 'the sub claim of the user''s token';
COMMENT ON COLUMN users.last_seq IS 'newest events.seq; incremented in the recording transaction, so that per user the log is gapless and in commit order';

CREATE TABLE providers (
    name text PRIMARY KEY,
    remaining bigint,
    checked_at timestamptz,
    paused_until timestamptz,
    pause_reason text
);
COMMENT ON COLUMN providers.remaining IS 'credits of the account when last asked; null when it could not be asked';
COMMENT ON COLUMN providers.paused_until IS 'nothing is submitted before this moment';
COMMENT ON COLUMN providers.pause_reason IS 'a FailureCode, or RATE_LIMITED';

CREATE TABLE tasks (
    id uuid PRIMARY KEY,
    owner text NOT NULL REFERENCES users (id),
    kind text NOT NULL CHECK (kind IN ('GENERATE', 'EDIT')),
    model text NOT NULL,
    prompt text NOT NULL,
    request jsonb NOT NULL,
    metadata jsonb,
    idempotency_key text,
    input_digest bytea NOT NULL,
    deadline_at timestamptz,
    created_at timestamptz NOT NULL,
    status text NOT NULL CHECK (
        status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING', 'SUCCEEDED', 'FAILED', 'CANCELED')
    ),
    state jsonb NOT NULL
);
COMMENT ON COLUMN tasks.id IS 'UUIDv7: the history is paged by it, newest first';
COMMENT ON COLUMN tasks.prompt IS 'copied out of request for the history filter';
COMMENT ON COLUMN tasks.input_digest IS 'SHA-256 of the client''s input: the same idempotency key with another digest is a conflict';
COMMENT ON COLUMN tasks.deadline_at IS 'the client''s deadlineSeconds';
COMMENT ON COLUMN tasks.status IS 'copied out of state for the history filter';
COMMENT ON COLUMN tasks.state IS 'domain::TaskState; written by store::create and store::record only';

CREATE UNIQUE INDEX tasks_idempotency ON tasks (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX tasks_history ON tasks (owner, id);
CREATE INDEX tasks_history_by_status ON tasks (owner, status, id);
COMMENT ON INDEX tasks_history IS 'store::history';
COMMENT ON INDEX tasks_history_by_status IS 'store::history with a status, and the bound on unfinished tasks in store::create';
CREATE INDEX tasks_durations ON tasks (model, id) WHERE status = 'SUCCEEDED';
COMMENT ON INDEX tasks_durations IS 'store::insight: recent durations of a model';

CREATE TABLE jobs (
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    number smallint NOT NULL,
    provider text NOT NULL,
    status text NOT NULL CHECK (
        status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING', 'SUCCEEDED', 'FAILED', 'CANCELED')
    ),
    images integer NOT NULL,
    price bigint NOT NULL,
    settled bigint,
    upstream_id text,
    results jsonb NOT NULL DEFAULT '[]',
    failure jsonb,
    called_back boolean NOT NULL DEFAULT false,
    next_step_at timestamptz,
    expires_at timestamptz,
    submit_started_at timestamptz,
    submitted_at timestamptz,
    lease uuid,
    lease_attempts integer NOT NULL DEFAULT 0,
    step_attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (task_id, number)
);
COMMENT ON TABLE jobs IS 'one submission to a provider each; the row is the job that workers claim';
COMMENT ON COLUMN jobs.images IS 'how many images it was asked to make';
COMMENT ON COLUMN jobs.next_step_at IS 'when a worker may claim it; while leased, when the lease ends; null when only a report can move it';
COMMENT ON COLUMN jobs.expires_at IS 'when the sweep reports it expired';
COMMENT ON COLUMN jobs.submit_started_at IS 'committed before the provider is called: found set without upstream_id, the answer was lost';
COMMENT ON COLUMN jobs.submitted_at IS 'when the provider accepted it';
COMMENT ON COLUMN jobs.lease IS 'token of the worker at it; a worker whose token is gone records nothing';
COMMENT ON COLUMN jobs.lease_attempts IS 'claims since the last recorded step: more than one means a worker died';
COMMENT ON COLUMN jobs.step_attempts IS 'postponements since the status last changed';

CREATE INDEX jobs_due ON jobs (status, next_step_at) WHERE next_step_at IS NOT NULL;
CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE expires_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_upstream ON jobs (provider, upstream_id) WHERE upstream_id IS NOT NULL;
CREATE INDEX jobs_submissions ON jobs (provider, submit_started_at) WHERE submit_started_at IS NOT NULL;
COMMENT ON INDEX jobs_due IS 'store::leases';
COMMENT ON INDEX jobs_expiring IS 'store::leases::expired';
COMMENT ON INDEX jobs_upstream IS 'no callback can make one task take another''s result';
COMMENT ON INDEX jobs_submissions IS 'the rate limit in store::leases::claim_submissions';

CREATE TABLE images (
    id uuid PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    owner text NOT NULL,
    job smallint NOT NULL,
    position smallint NOT NULL,
    version integer NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    media_type text NOT NULL,
    byte_size bigint NOT NULL,
    sha256 bytea NOT NULL,
    thumbhash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (task_id, job, position)
);
COMMENT ON COLUMN images.version IS 'the task''s version that first shows it';

CREATE TABLE events (
    owner text NOT NULL REFERENCES users (id),
    seq bigint NOT NULL,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    version integer NOT NULL,
    state jsonb NOT NULL,
    PRIMARY KEY (owner, seq)
);
CREATE INDEX events_of_task ON events (task_id, version);
COMMENT ON TABLE events IS 'what clients are told, one row per task version';
COMMENT ON COLUMN events.state IS 'domain::TaskState at that version';
COMMENT ON INDEX events_of_task IS 'removal with the task';

CREATE TABLE timeline (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    detail jsonb
);
CREATE INDEX timeline_of_task ON timeline (task_id, id);
COMMENT ON TABLE timeline IS 'every recorded step of a task, for people';

CREATE TABLE callbacks (
    id uuid PRIMARY KEY,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    job smallint NOT NULL,
    provider text NOT NULL,
    body bytea NOT NULL,
    body_digest bytea NOT NULL,
    received_at timestamptz NOT NULL,
    next_step_at timestamptz,
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    UNIQUE (task_id, job, body_digest)
);
CREATE INDEX callbacks_due ON callbacks (next_step_at) WHERE next_step_at IS NOT NULL;
COMMENT ON TABLE callbacks IS 'the inbox: what providers posted, raw, until a worker has read it';
COMMENT ON COLUMN callbacks.next_step_at IS 'when a worker may claim it; null once it is read';
COMMENT ON INDEX callbacks_due IS 'store::callbacks::claim';

CREATE VIEW task_details AS
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
    ) AS images
FROM tasks AS t;
COMMENT ON VIEW task_details IS 'a whole task in one row: every read of a task starts here';

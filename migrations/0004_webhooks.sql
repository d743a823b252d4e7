-- Outbound webhooks: who wants to be told, and what is to be told to whom.

CREATE TABLE webhook_endpoints (
    id uuid PRIMARY KEY,
    owner text NOT NULL REFERENCES users (id),
    url text NOT NULL,
    statuses text[] NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    secret text NOT NULL,
    previous_secrets jsonb NOT NULL DEFAULT '[]',
    cursor bigint NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    paused_until timestamptz,
    disabled_reason text,
    created_at timestamptz NOT NULL
);
COMMENT ON COLUMN webhook_endpoints.statuses IS 'events of tasks that come to these are delivered';
COMMENT ON COLUMN webhook_endpoints.secret IS 'whsec_ and base64: signs';
COMMENT ON COLUMN webhook_endpoints.previous_secrets IS 'each signs too until its time, so that a receiver can change over';
COMMENT ON COLUMN webhook_endpoints.cursor IS 'deliveries are written for events up to this events.seq; stands still while it is disabled';
COMMENT ON COLUMN webhook_endpoints.failures IS 'failed attempts in a row';
COMMENT ON COLUMN webhook_endpoints.failing_since IS 'when the first of them was';
COMMENT ON COLUMN webhook_endpoints.paused_until IS 'nothing is sent before this moment';
COMMENT ON COLUMN webhook_endpoints.disabled_reason IS 'why the gateway disabled it; null when it did not';

CREATE INDEX webhook_endpoints_of_owner ON webhook_endpoints (owner, id);
CREATE INDEX webhook_endpoints_enabled ON webhook_endpoints (owner, cursor) WHERE enabled;
COMMENT ON INDEX webhook_endpoints_of_owner IS 'store::webhooks::list_endpoints';
COMMENT ON INDEX webhook_endpoints_enabled IS 'store::announce::announce';

CREATE TABLE webhook_deliveries (
    id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    status text NOT NULL,
    state jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    next_step_at timestamptz,
    lease uuid,
    last_attempt_at timestamptz,
    last_status integer,
    last_error text,
    delivered_at timestamptz,
    UNIQUE (endpoint_id, seq)
);
COMMENT ON TABLE webhook_deliveries IS 'one event for one endpoint: the queue, and then the log';
COMMENT ON COLUMN webhook_deliveries.id IS 'seq and the random half of endpoint_id: the same whenever it is written, and sorted like the log';
COMMENT ON COLUMN webhook_deliveries.seq IS 'of the event, which may be gone by now';
COMMENT ON COLUMN webhook_deliveries.state IS 'domain::TaskState of the event';
COMMENT ON COLUMN webhook_deliveries.attempts IS 'attempts begun since it was written, or asked for again';
COMMENT ON COLUMN webhook_deliveries.next_step_at IS 'when a worker may claim it; while leased, when the lease ends; null when it is delivered or given up';
COMMENT ON COLUMN webhook_deliveries.last_status IS 'HTTP status of the last answer';

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_step_at) WHERE next_step_at IS NOT NULL;
CREATE INDEX webhook_deliveries_unfinished ON webhook_deliveries (endpoint_id, task_id, seq) WHERE next_step_at IS NOT NULL;
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_of_task ON webhook_deliveries (task_id);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at);
COMMENT ON INDEX webhook_deliveries_due IS 'store::deliveries: claims, and when the next falls due';
COMMENT ON INDEX webhook_deliveries_unfinished IS 'store::deliveries: not before an earlier one of the same task';
COMMENT ON INDEX webhook_deliveries_log IS 'store::webhooks::list_deliveries';
COMMENT ON INDEX webhook_deliveries_of_task IS 'removal with the task';
COMMENT ON INDEX webhook_deliveries_by_age IS 'store::retention';

CREATE VIEW webhook_heads AS
SELECT d.id, d.endpoint_id, d.seq, d.next_step_at
FROM webhook_deliveries AS d
WHERE d.next_step_at IS NOT NULL AND NOT EXISTS (
    SELECT FROM webhook_deliveries AS earlier
    WHERE earlier.endpoint_id = d.endpoint_id
        AND earlier.task_id = d.task_id
        AND earlier.seq < d.seq
        AND earlier.next_step_at IS NOT NULL
);
COMMENT ON VIEW webhook_heads IS 'unfinished deliveries that wait for no earlier one of the same task';

CREATE VIEW webhook_endpoints_waiting AS
WITH RECURSIVE waiting AS (
    (
        SELECT endpoint_id FROM webhook_deliveries
        WHERE next_step_at IS NOT NULL
        ORDER BY endpoint_id
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT d.endpoint_id FROM webhook_deliveries AS d
        WHERE d.next_step_at IS NOT NULL AND d.endpoint_id > waiting.endpoint_id
        ORDER BY d.endpoint_id
        LIMIT 1
    )
    FROM waiting
    WHERE waiting.endpoint_id IS NOT NULL
)
SELECT e.id, e.failures, e.paused_until
FROM waiting
JOIN webhook_endpoints AS e ON e.id = waiting.endpoint_id
WHERE e.enabled;
COMMENT ON VIEW webhook_endpoints_waiting IS 'enabled endpoints with unfinished deliveries: one look into webhook_deliveries_due for each, however many deliveries it has';

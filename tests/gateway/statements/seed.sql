-- Fills every table that grows: $TASKS finished tasks of 100 users and the last 90 days, a tenth of them of user-0,
-- and $QUEUED tasks that wait for their submission, a quarter of them to flux-kontext; their
-- max_credits is too low for any other model, so none is rerouted.

CREATE FUNCTION pg_temp.id_at(number bigint, at timestamptz) RETURNS uuid LANGUAGE sql AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' || '8'
        || lpad(to_hex(number), 15, '0'))::uuid
$$;

INSERT INTO users (id, created_at, granted)
SELECT 'user-' || n, now(), 0 FROM generate_series(0, 99) AS n;

INSERT INTO providers (name) VALUES ('nano-banana'), ('flux-kontext') ON CONFLICT DO NOTHING;

CREATE TABLE seed AS
SELECT
    n,
    n > $TASKS AS queued,
    CASE WHEN n % 10 = 0 THEN 'user-0' ELSE 'user-' || n % 100 END AS owner,
    date_trunc(
        'milliseconds', now() - interval '90 days' * ($TASKS + $QUEUED - n) / ($TASKS + $QUEUED) - interval '1 hour'
    ) AS at
FROM generate_series(1, $TASKS + $QUEUED) AS n;
ALTER TABLE seed ADD COLUMN id uuid, ADD COLUMN status text, ADD COLUMN state jsonb, ADD COLUMN model text, ADD COLUMN provider text;
UPDATE seed SET id = pg_temp.id_at(n, at), status = CASE WHEN queued THEN 'QUEUED' ELSE 'SUCCEEDED' END,
    provider = CASE WHEN queued AND n % 4 = 1 THEN 'flux-kontext' ELSE 'nano-banana' END;
UPDATE seed SET model = CASE
    WHEN n <= 10 THEN 'ace/nano-banana' WHEN provider = 'flux-kontext' THEN 'flux-kontext-max' ELSE provider
END;
UPDATE seed SET state = jsonb_build_object(
    'status', status, 'version', 4, 'failure', NULL, 'reserved', 0, 'settled', 4000,
    'submitted_at', at, 'completed_at', at, 'updated_at', at
);

INSERT INTO tasks
    (id, owner, kind, model, model_named, prompt, request, input_digest, created_at, status, state, deadline_at,
     max_credits)
SELECT
    id, owner, 'GENERATE', model, n % 2 = 0,
    'a tin robot, number ' || n,
    jsonb_build_object(
        'kind', 'GENERATE', 'prompt', 'a tin robot, number ' || n, 'images', '[]'::jsonb, 'count', 1,
        'aspect_ratio', '16:9', 'resolution', NULL, 'output_format', NULL, 'watermark', NULL,
        'options', '{}'::jsonb
    ),
    sha256(n::text::bytea), at, status, state, now() + interval '1 day', 1
FROM seed;

INSERT INTO jobs
    (task_id, owner, provider, number, images, price, status, upstream_id, turn, settled, next_step_at, expires_at)
SELECT
    id, owner, provider, 0, 1, 4000, status, CASE WHEN NOT queued THEN 'upstream-' || n END, n / 100,
    CASE WHEN NOT queued THEN 4000 END, CASE WHEN queued THEN at END, CASE WHEN queued THEN at END
FROM seed;

INSERT INTO images
    (id, task_id, owner, job, position, version, width, height, media_type, byte_size, sha256, thumbhash, created_at)
SELECT
    md5(id::text)::uuid, id, owner, 0, 0, 4, 1024, 576, 'image/png', 123456, sha256(n::text::bytea), '\x3fe71a', at
FROM seed WHERE NOT queued;

INSERT INTO events (owner, seq, task_id, at, version, state)
SELECT owner, row_number() OVER (PARTITION BY owner ORDER BY n), id, at, 4, state FROM seed;
UPDATE users SET last_seq = (SELECT count(*) FROM events WHERE owner = users.id);

INSERT INTO timeline (task_id, at, kind, status) SELECT id, at, 'accepted', status FROM seed;

INSERT INTO callbacks (id, task_id, job, provider, body, body_digest, received_at)
SELECT md5('callback' || n)::uuid, id, 0, 'nano-banana', '', sha256(n::text::bytea), at FROM seed;

INSERT INTO ledger (owner, at, kind, from_account, to_account, amount, task_id, version)
SELECT owner, at, 'CHARGE', 'available', 'spent', 4000, id, 4 FROM seed WHERE NOT queued;

INSERT INTO uploads (id, owner, media_type, byte_size, created_at, expires_at, stored_as, used)
SELECT md5('upload' || n)::uuid, owner, 'image/png', 1000, at, at, 'image/png', n % 2 = 0 FROM seed;
INSERT INTO task_uploads (task_id, upload_id)
SELECT id, md5('upload' || n)::uuid FROM seed WHERE n % 2 = 0;

INSERT INTO boards (id, owner, kind, title, created_at, updated_at)
SELECT id, owner, 'MOODBOARD', 'board ' || n, at, at FROM seed;
INSERT INTO board_images (board_id, image_id, position)
SELECT b.id, md5(s.id::text)::uuid, s.n
FROM (SELECT id, owner FROM seed WHERE n % 100 = 0) AS b
JOIN seed AS s ON s.owner = b.owner AND NOT s.queued AND s.n % 100 = 10;

INSERT INTO garbage (folder, next_step_at) SELECT 'folder-' || n, now() + interval '1 day' FROM seed;

INSERT INTO webhook_endpoints (id, owner, url, statuses, secret, cursor, created_at)
SELECT md5(owner)::uuid, owner, 'https://example.com', '{SUCCEEDED}', 'whsec_c2VjcmV0', 1000000, now()
FROM (SELECT DISTINCT owner FROM seed) AS owners;
INSERT INTO webhook_deliveries (id, endpoint_id, task_id, seq, at, status, state, created_at, delivered_at, next_step_at)
SELECT
    md5('delivery' || n)::uuid, md5(owner)::uuid, id, n, at, 'SUCCEEDED', state, at, at,
    CASE WHEN queued THEN now() + interval '1 day' END
FROM seed;

DROP TABLE seed;

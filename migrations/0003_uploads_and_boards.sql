-- What clients send to be edited, boards of images, and the removal of what is no longer wanted.

CREATE TABLE uploads (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    media_type text NOT NULL,
    byte_size bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    received_digest bytea,
    stored_as text,
    used boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN uploads.media_type IS 'as announced';
COMMENT ON COLUMN uploads.byte_size IS 'as announced';
COMMENT ON COLUMN uploads.expires_at IS 'when the link to send the bytes to ends';
COMMENT ON COLUMN uploads.received_digest IS 'SHA-256 of the bytes as they came: the same may come again, others not; null until they came';
COMMENT ON COLUMN uploads.stored_as IS 'media type of what is kept; null until the bytes came';
COMMENT ON COLUMN uploads.used IS 'whether a task edits it; then it is kept as long as the task';
CREATE INDEX uploads_unused ON uploads (owner, created_at) WHERE NOT used;
CREATE INDEX uploads_by_age ON uploads (created_at) WHERE NOT used;
COMMENT ON INDEX uploads_unused IS 'the bound in store::uploads::create_upload';
COMMENT ON INDEX uploads_by_age IS 'store::retention';

CREATE TABLE task_uploads (
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    upload_id uuid NOT NULL REFERENCES uploads (id),
    PRIMARY KEY (task_id, upload_id)
);
CREATE INDEX tasks_of_upload ON task_uploads (upload_id);
COMMENT ON TABLE task_uploads IS 'which tasks edit which uploads';
COMMENT ON INDEX tasks_of_upload IS 'whether another task needs it, in store::removal';

CREATE TABLE boards (
    id uuid PRIMARY KEY,
    owner text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('MOODBOARD', 'SHOWCASE')),
    title text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    last_position bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON COLUMN boards.version IS 'one more with each change, of its images as well';
COMMENT ON COLUMN boards.last_position IS 'where the last image stands; the next one stands behind it';
CREATE INDEX boards_of_owner ON boards (owner, id);
COMMENT ON INDEX boards_of_owner IS 'store::boards::list_boards';

CREATE TABLE board_images (
    board_id uuid NOT NULL REFERENCES boards (id) ON DELETE CASCADE,
    image_id uuid NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    position bigint NOT NULL,
    PRIMARY KEY (board_id, image_id)
);
CREATE INDEX board_images_in_order ON board_images (board_id, position);
CREATE INDEX boards_of_image ON board_images (image_id);
COMMENT ON COLUMN board_images.position IS 'from first to last; changes when images are moved';
COMMENT ON INDEX board_images_in_order IS 'store::boards::list_board_images';
COMMENT ON INDEX boards_of_image IS 'store::removal';

ALTER TABLE tasks ADD COLUMN board_id uuid;
COMMENT ON COLUMN tasks.board_id IS 'where its images go when they are stored; the board may be gone';
CREATE INDEX tasks_of_board ON tasks (owner, board_id, id) WHERE board_id IS NOT NULL;
COMMENT ON INDEX tasks_of_board IS 'store::history with a board';

CREATE TABLE garbage (
    folder text PRIMARY KEY,
    next_step_at timestamptz NOT NULL,
    removed boolean NOT NULL DEFAULT false
);
CREATE INDEX garbage_due ON garbage (next_step_at);
COMMENT ON TABLE garbage IS 'folders to remove from the image store, written in the transaction that gave them up';
COMMENT ON COLUMN garbage.removed IS 'it was removed once; again later, because somebody may have been writing into it';
COMMENT ON INDEX garbage_due IS 'store::garbage';

ALTER TABLE users ADD COLUMN forgotten_seq bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN users.forgotten_seq IS 'events up to here may be gone for their age: a cursor before it cannot go on without a gap';
CREATE INDEX events_by_age ON events (at);
CREATE INDEX callbacks_by_age ON callbacks (received_at);
COMMENT ON INDEX events_by_age IS 'store::retention';
COMMENT ON INDEX callbacks_by_age IS 'store::retention';

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
    t.max_credits,
    t.board_id
FROM tasks AS t;

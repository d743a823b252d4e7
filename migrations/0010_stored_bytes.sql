-- The bytes of each user in the image store, so that they can be limited.

SET LOCAL lock_timeout = '5s';

ALTER TABLE users ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN users.stored_bytes IS 'of images and uploads, and an estimate of the texts of tasks (domain::TaskSpec::text_bytes); the limit in store::create and store::uploads';
ALTER TABLE uploads ADD COLUMN stored_size bigint;
COMMENT ON COLUMN uploads.stored_size IS 'bytes of what is kept; null until it was received, and for uploads of earlier releases';

COMMENT ON COLUMN jobs.submit_started_at IS 'committed before the provider is called: when it is set without upstream_id and the lease has expired, the response was lost';
COMMENT ON COLUMN jobs.lease IS 'token of the worker that claimed the job; without it, a worker can record only that the provider accepted the job, or rejected it when it was not submitted again';

-- Indexes on jobs that keep the cost of each statement the same when queues grow. The index jobs_expiring stays for one
-- release: replicas of the release before use it each second.

SET LOCAL lock_timeout = '5s';

-- A job that waits for its first submission expires only at the client's deadline.
CREATE INDEX jobs_expirable ON jobs (expires_at)
WHERE expires_at IS NOT NULL AND (status <> 'QUEUED' OR (submit_started_at IS NULL AND step_attempts > 0));
COMMENT ON INDEX jobs_expirable IS 'store::leases::list_expired: timeouts';

CREATE INDEX jobs_storing_by_expiry ON jobs ((results -> 0 ->> 'expires_at'), next_step_at) WHERE status = 'STORING';
COMMENT ON INDEX jobs_storing_by_expiry IS 'store::leases::claim_downloads: the links that expire first';

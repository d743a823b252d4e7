//! What holds for credits after every step.

use std::fmt::Debug;

use sqlx::PgConnection;

/// The credit invariants. Each query returns the rows that violate its invariant.
const VIOLATIONS: [(&str, &str); 10] = [
    (
        "a queued job waits for a worker, or was rejected and may be rerouted",
        "SELECT task_id::text FROM jobs JOIN tasks ON id = task_id
        WHERE jobs.status = 'QUEUED' AND next_step_at IS NULL AND (failure IS NULL OR model_named)",
    ),
    ("no user has a negative balance", "SELECT id FROM users WHERE granted < reserved + spent"),
    (
        "reserved is the sum over unfinished tasks, spent is the cost of finished tasks",
        "SELECT u.id FROM users AS u LEFT JOIN tasks AS t ON t.owner = u.id GROUP BY u.id
        HAVING u.reserved <> COALESCE(sum((t.state ->> 'reserved')::bigint), 0)
            OR u.spent <> COALESCE(sum((t.state ->> 'settled')::bigint), 0)",
    ),
    (
        "the totals of a user equal the sums of the ledger",
        "SELECT u.id FROM users AS u LEFT JOIN ledger AS l ON l.owner = u.id GROUP BY u.id
        HAVING u.reserved <> COALESCE(sum(CASE 'reserved' WHEN to_account THEN amount WHEN from_account THEN -amount END), 0)
            OR u.spent <> COALESCE(sum(CASE 'spent' WHEN to_account THEN amount WHEN from_account THEN -amount END), 0)
            OR u.granted <> COALESCE(sum(amount) FILTER (WHERE from_account = 'operator'), 0)",
    ),
    (
        "a finished task reserves nothing, and an unfinished task has cost nothing yet",
        "SELECT id::text FROM tasks WHERE (state ->> 'settled' IS NULL)
            <> (status IN ('QUEUED', 'UNCONFIRMED', 'GENERATING', 'STORING'))
            OR (state ->> 'settled' IS NOT NULL AND (state ->> 'reserved')::bigint <> 0)",
    ),
    (
        "the cost of a task is the sum of the costs of its jobs",
        "SELECT t.id::text FROM tasks AS t JOIN jobs AS j ON j.task_id = t.id GROUP BY t.id
        HAVING (state ->> 'settled')::bigint <> sum(j.settled)",
    ),
    (
        "a job that no provider accepted costs nothing",
        "SELECT task_id::text FROM jobs WHERE settled > 0 AND upstream_id IS NULL",
    ),
    (
        "every version of a task has one event, and the state equals the last event",
        "SELECT t.id::text FROM tasks AS t LEFT JOIN events AS e ON e.task_id = t.id GROUP BY t.id
        HAVING count(e) <> (t.state ->> 'version')::bigint
            OR NOT bool_or(e.state = t.state)",
    ),
    (
        "the events of each user are numbered without a gap",
        "SELECT u.id FROM users AS u LEFT JOIN events AS e ON e.owner = u.id GROUP BY u.id
        HAVING count(e) <> u.last_seq",
    ),
    (
        "the stored bytes of each user are those of the images, uploads and texts",
        "SELECT id FROM users WHERE stored_bytes <>
            (SELECT COALESCE(sum(byte_size), 0) FROM images WHERE owner = users.id)
            + (SELECT COALESCE(sum(COALESCE(stored_size, byte_size)), 0) FROM uploads WHERE owner = users.id)
            + (SELECT COALESCE(sum(4096 + 4 * octet_length(prompt)), 0) FROM tasks WHERE owner = users.id)",
    ),
];

/// Fails when a row violates an invariant after these steps.
pub(crate) async fn assert_invariants(
    database: &mut PgConnection,
    executed: &(impl Debug + ?Sized),
) {
    for (invariant, violation) in VIOLATIONS {
        let violation: Vec<String> =
            sqlx::query_scalar(violation).fetch_all(&mut *database).await.unwrap();
        assert!(violation.is_empty(), "violated: {invariant}: {violation:?} after {executed:?}");
    }
}

//! Fills the database: users with a history of finished tasks, one image each.

use sqlx::{Connection, PgConnection};

/// The id of a seeded user.
pub fn user(number: i64) -> String {
    format!("user-{number}")
}

/// Creates `count` users and `tasks` finished tasks of the last 30 days, spread evenly over the users.
pub async fn fill(database: &str, count: i64, tasks: i64) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(database).await?;
    let users = "INSERT INTO users (id, created_at)
        SELECT 'user-' || n, now() FROM generate_series(0, $1 - 1) AS n";
    sqlx::query(users).bind(count).execute(&mut connection).await?;
    // A UUIDv7 of each task's time: 48 bits of milliseconds, the version, and the number.
    let insert = "WITH made AS (
            SELECT n, now() - make_interval(secs => (($1 - n) * 2592000.0 / $1)) AS at
            FROM generate_series(1, $1) AS n
        ), tasks_made AS (
            SELECT n, at, 'user-' || (n % $2) AS owner,
                (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
                    || lpad(to_hex(n % 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid AS id,
                date_trunc('milliseconds', at) AS ms
            FROM made
        ), inserted AS (
            INSERT INTO tasks (id, owner, kind, model, prompt, request, input_digest, created_at, status, state)
            SELECT id, owner, 'GENERATE', 'nano-banana', p.prompt,
                jsonb_build_object(
                    'kind', 'GENERATE', 'prompt', p.prompt, 'images', '[]'::jsonb, 'count', 1,
                    'aspect_ratio', '16:9', 'resolution', NULL, 'output_format', NULL,
                    'watermark', NULL, 'options', '{}'::jsonb),
                sha256(n::text::bytea), ms, 'SUCCEEDED',
                jsonb_build_object(
                    'status', 'SUCCEEDED', 'version', 4, 'failure', NULL, 'reserved', 0,
                    'settled', 4000, 'submitted_at', $3, 'completed_at', $3, 'updated_at', $3)
            FROM tasks_made, LATERAL (
                SELECT 'a tin robot watering basil on a balcony at dawn, number ' || n AS prompt
            ) AS p
        )
        INSERT INTO images
            (id, task_id, owner, job, position, version, width, height, media_type, byte_size, sha256, thumbhash, created_at)
        SELECT gen_random_uuid(), id, owner, 0, 0, 4, 1024, 576, 'image/png', 123456,
            sha256(id::text::bytea), '\\x3fe71a2d0a9c7f708078877887788f707a5780f807'::bytea, ms
        FROM tasks_made";
    sqlx::query(insert)
        .bind(tasks)
        .bind(count)
        .bind("2026-11-01T12:00:00.000Z")
        .execute(&mut connection)
        .await?;
    sqlx::query("VACUUM ANALYZE").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// The id of a user with one task and one socket.
pub fn push_user(number: usize) -> String {
    format!("push-{number}")
}

/// Creates `count` users with one task each.
pub async fn add_push_users(connection: &mut PgConnection, count: usize) -> anyhow::Result<()> {
    let users = "INSERT INTO users (id, created_at)
        SELECT 'push-' || n, now() FROM generate_series(0, $1 - 1) AS n";
    sqlx::query(users).bind(count as i64).execute(&mut *connection).await?;
    let tasks = "INSERT INTO tasks
            (id, owner, kind, model, prompt, request, input_digest, created_at, status, state)
        SELECT
            gen_random_uuid(), 'push-' || n, kind, model, prompt, request, input_digest, created_at,
            status, state
        FROM generate_series(0, $1 - 1) AS n, (SELECT * FROM tasks LIMIT 1) AS task";
    sqlx::query(tasks).bind(count as i64).execute(&mut *connection).await?;
    sqlx::query("ANALYZE").execute(&mut *connection).await?;
    Ok(())
}

/// Deletes the tasks that were submitted and not finished.
pub async fn remove_unfinished(database: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(database).await?;
    sqlx::query("DELETE FROM tasks WHERE status = 'QUEUED'").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Ids of some tasks, each with the number of its owner.
pub async fn sample_tasks(database: &str) -> anyhow::Result<Vec<(i64, uuid::Uuid)>> {
    let mut connection = PgConnection::connect(database).await?;
    let sample = "SELECT substr(owner, 6)::bigint, id FROM tasks
        TABLESAMPLE SYSTEM (20) REPEATABLE (1) LIMIT 2000";
    let found = sqlx::query_as(sample).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(found)
}

//! Uploads: images that clients send for editing.

use std::collections::HashMap;

use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::accounts::{lock_user, subtract_stored_bytes};
use super::rows::{checked_int, owner};
use super::{ReadStore, Store, StoreError, UserLimits};
use crate::domain::{
    Image, ImageFormat, ImageSource, ImageVariant, TaskId, Timestamp, Upload, UploadId, UserId,
};

/// Where an image to edit can be read.
#[derive(Debug, Clone, PartialEq)]
pub enum InputImage {
    /// At a URL from the client.
    Url(String),
    /// In the image store.
    Stored {
        /// Its path in the image store.
        path: String,
    },
    /// The owner has no such image.
    NotFound,
}

impl ReadStore {
    /// The upload with this id, of any owner: the signed link is the authorization.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_upload(&self, id: UploadId) -> Result<Option<Upload>, StoreError> {
        let row = sqlx::query!(
            r#"-- store::uploads::find_upload
            SELECT owner, media_type, byte_size, expires_at, received_digest,
                stored_as IS NOT NULL AS "stored!"
            FROM uploads WHERE id = $1"#,
            id.0,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(Upload {
                id,
                owner: owner(row.owner)?,
                format: image_format(&row.media_type)?,
                byte_size: checked_int(row.byte_size)?,
                expires_at: row.expires_at,
                digest: row.received_digest,
                stored: row.stored,
            })
        })
        .transpose()
    }

    /// Where these images can be read, in the order of `sources`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_inputs(
        &self,
        owner: &UserId,
        sources: &[ImageSource],
    ) -> Result<Vec<InputImage>, StoreError> {
        let paths = find_paths(&mut *self.pool.acquire().await?, &[(owner, sources)]).await?;
        Ok(paths.inputs(owner, sources))
    }
}

/// The result of creating an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateUploadOutcome {
    /// It waits for its bytes.
    Created,
    /// The owner has `max_unused` uploads that no task uses and that are stored or have a valid link.
    TooManyUnused,
    /// The owner's images and uploads would exceed [`UserLimits::max_stored_bytes`].
    StorageFull,
}

impl Store {
    /// Creates an upload. Concurrent calls may exceed `max_unused` slightly.
    ///
    /// # Errors
    /// When the database fails; then nothing was created.
    pub async fn create_upload(
        &self,
        upload: &Upload,
        max_unused: u32,
        limits: UserLimits,
        now: Timestamp,
    ) -> Result<CreateUploadOutcome, StoreError> {
        let row = sqlx::query!(
            r#"-- store::uploads::create_upload
            WITH unused AS (
                SELECT count(*) < $7 AS permitted FROM uploads
                WHERE owner = $2 AND NOT used AND (stored_as IS NOT NULL OR expires_at > $5)
            ), account AS (
                INSERT INTO users (id, last_seq, created_at, stored_bytes)
                SELECT $2, 0, $5, $4 FROM unused WHERE permitted AND $4::bigint <= $8::bigint
                ON CONFLICT (id) DO UPDATE SET stored_bytes = users.stored_bytes + $4
                WHERE users.stored_bytes + $4 <= $8
                RETURNING id
            ), created AS (
                INSERT INTO uploads (id, owner, media_type, byte_size, created_at, expires_at)
                SELECT $1, $2, $3, $4, $5, $6 FROM account
                RETURNING id
            )
            SELECT permitted AS "permitted!", EXISTS (SELECT FROM created) AS "created!" FROM unused"#,
            upload.id.0,
            upload.owner.as_str(),
            upload.format.content_type(),
            checked_int::<i64, _>(upload.byte_size)?,
            now,
            upload.expires_at,
            i64::from(max_unused),
            i64::try_from(limits.max_stored_bytes).unwrap_or(i64::MAX),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(match (row.created, row.permitted) {
            (true, _) => CreateUploadOutcome::Created,
            (false, true) => CreateUploadOutcome::StorageFull,
            (false, false) => CreateUploadOutcome::TooManyUnused,
        })
    }

    /// Sets the digest of an upload before its bytes are stored: the first bytes win. False when
    /// the upload has another digest already, or does not exist.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_upload_digest(&self, id: UploadId, digest: &[u8]) -> Result<bool, StoreError> {
        let updated = sqlx::query!(
            "-- store::uploads::set_upload_digest
            UPDATE uploads SET received_digest = $2
            WHERE id = $1 AND (received_digest IS NULL OR received_digest = $2)",
            id.0,
            digest,
        )
        .execute(&self.pool)
        .await?;
        Ok(updated.rows_affected() > 0)
    }

    /// Records that the bytes of an upload are in the image store. Its size counts instead of the announced one.
    ///
    /// # Errors
    /// When the database fails; then the client has to send the bytes again.
    pub async fn finish_upload(
        &self,
        upload: &Upload,
        stored_format: ImageFormat,
        stored_size: u64,
    ) -> Result<(), StoreError> {
        let stored_size: i64 = checked_int(stored_size)?;
        let mut tx = self.pool.begin().await?;
        lock_user(&mut tx, &upload.owner).await?;
        let counted = sqlx::query_scalar!(
            r#"-- store::uploads::finish_upload
            SELECT COALESCE(stored_size, byte_size) AS "counted!" FROM uploads WHERE id = $1 FOR UPDATE"#,
            upload.id.0,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(counted) = counted else { return Ok(()) };
        sqlx::query!(
            "-- store::uploads::finish_upload
            UPDATE uploads SET stored_as = $2, stored_size = $3 WHERE id = $1",
            upload.id.0,
            stored_format.content_type(),
            stored_size,
        )
        .execute(&mut *tx)
        .await?;
        let owner = upload.owner.as_str().to_owned();
        subtract_stored_bytes(&mut tx, &[owner], &[counted - stored_size]).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The paths of uploads and images in the image store.
#[derive(Debug, Default)]
pub(super) struct StoredPaths(HashMap<(String, StoredImage), String>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum StoredImage {
    Upload(Uuid),
    Image(Uuid),
}

impl StoredImage {
    const fn of(source: &ImageSource) -> Option<Self> {
        match source {
            ImageSource::Url(_) => None,
            ImageSource::Upload { upload } => Some(Self::Upload(upload.0)),
            ImageSource::Image { image } => Some(Self::Image(image.0)),
        }
    }

    const fn id(self) -> Uuid {
        match self {
            Self::Upload(id) | Self::Image(id) => id,
        }
    }
}

impl StoredPaths {
    pub(super) fn inputs(&self, owner: &UserId, sources: &[ImageSource]) -> Vec<InputImage> {
        let input = |source: &ImageSource| match (source, StoredImage::of(source)) {
            (ImageSource::Url(url), _) => InputImage::Url(url.clone()),
            (_, Some(stored)) => match self.0.get(&(owner.as_str().to_owned(), stored)) {
                Some(path) => InputImage::Stored { path: path.clone() },
                None => InputImage::NotFound,
            },
            (_, None) => InputImage::NotFound,
        };
        sources.iter().map(input).collect()
    }
}

/// Finds the paths of the images that these owners name and own. At most one statement.
pub(super) async fn find_paths(
    db: &mut PgConnection,
    requested: &[(&UserId, &[ImageSource])],
) -> Result<StoredPaths, StoreError> {
    let (mut owners, mut ids) = (Vec::new(), Vec::new());
    for (owner, sources) in requested {
        for stored in sources.iter().filter_map(StoredImage::of) {
            owners.push(owner.as_str().to_owned());
            ids.push(stored.id());
        }
    }
    if ids.is_empty() {
        return Ok(StoredPaths::default());
    }
    let rows = sqlx::query!(
        r#"-- store::uploads::find_paths
        SELECT u.owner AS "owner!", u.id AS "id!", NULL::uuid AS task_id, 0::smallint AS "job!",
            0::smallint AS "position!", u.stored_as AS "media_type!"
        FROM unnest($1::text[], $2::uuid[]) AS requested (owner, id)
        JOIN uploads AS u ON u.id = requested.id AND u.owner = requested.owner AND u.stored_as IS NOT NULL
        UNION ALL
        SELECT i.owner, i.id, i.task_id, i.job, i.position, i.media_type
        FROM unnest($1::text[], $2::uuid[]) AS requested (owner, id)
        JOIN images AS i ON i.id = requested.id AND i.owner = requested.owner"#,
        &owners,
        &ids,
    )
    .fetch_all(db)
    .await?;
    let mut paths = HashMap::new();
    for row in rows {
        let (stored, folder) = match row.task_id {
            Some(task) => {
                let (job, position) = (checked_int(row.job)?, checked_int(row.position)?);
                (StoredImage::Image(row.id), Image::folder(TaskId(task), job, position))
            }
            None => (StoredImage::Upload(row.id), Upload::folder(UploadId(row.id))),
        };
        let path = Image::file(&folder, ImageVariant::Original, image_format(&row.media_type)?);
        paths.insert((row.owner, stored), path);
    }
    Ok(StoredPaths(paths))
}

fn upload_ids(sources: &[ImageSource]) -> Vec<Uuid> {
    let ids = sources.iter().filter_map(|source| match source {
        ImageSource::Upload { upload } => Some(upload.0),
        ImageSource::Url(_) | ImageSource::Image { .. } => None,
    });
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn image_format(content_type: &str) -> Result<ImageFormat, StoreError> {
    ImageFormat::from_content_type(content_type)
        .ok_or(StoreError::Inconsistent("uploads.media_type"))
}

/// Links uploads to the task that edits them. False when one of them no longer exists.
pub(super) async fn link_uploads(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    owner: &UserId,
    sources: &[ImageSource],
) -> Result<bool, StoreError> {
    let ids = upload_ids(sources);
    if ids.is_empty() {
        return Ok(true);
    }
    let used = sqlx::query!(
        "-- store::uploads::link_uploads
        WITH used AS (
            UPDATE uploads SET used = true
            WHERE id IN (
                SELECT id FROM uploads
                WHERE id = ANY ($1) AND owner = $2 AND stored_as IS NOT NULL
                ORDER BY id
                FOR UPDATE
            )
            RETURNING id
        )
        INSERT INTO task_uploads (task_id, upload_id) SELECT $3, id FROM used",
        &ids,
        owner.as_str(),
        task.0,
    )
    .execute(&mut **tx)
    .await?;
    Ok(used.rows_affected() == ids.len() as u64)
}

/// Ends the use of uploads by tasks that are deleted, failed or canceled. Those that no other task edits become unused, and are
/// purged a day after they were created.
pub(super) async fn release_uploads(
    tx: &mut Transaction<'_, Postgres>,
    tasks: &[Uuid],
) -> Result<(), StoreError> {
    // A statement of its own: the next one then sees what other tasks have committed in the meantime.
    sqlx::query!(
        "-- store::uploads::release_uploads
        SELECT id FROM uploads
        WHERE id IN (SELECT upload_id FROM task_uploads WHERE task_id = ANY ($1))
        ORDER BY id
        FOR UPDATE",
        tasks,
    )
    .fetch_all(&mut **tx)
    .await?;
    sqlx::query!(
        "-- store::uploads::release_uploads
        WITH released AS (
            DELETE FROM task_uploads WHERE task_id = ANY ($1) RETURNING upload_id
        )
        UPDATE uploads SET used = false
        WHERE id IN (SELECT upload_id FROM released) AND NOT EXISTS (
            SELECT FROM task_uploads WHERE upload_id = uploads.id AND task_id <> ALL ($1)
        )",
        tasks,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

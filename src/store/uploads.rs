//! What clients sent, or announced, to be edited.

use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::rows::{owner, unsigned};
use super::tasks::find_tasks;
use super::{Store, StoreError};
use crate::domain::{
    Image, ImageId, ImageSource, ImageVariant, MediaType, TaskId, Timestamp, Upload, UploadId,
    UserId,
};

/// An image to edit, as it can be had now.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// By a link that the client named.
    Url(String),
    /// From the image store.
    Stored {
        /// Its place there.
        path: String,
    },
    /// It is the owner's no longer, or never was.
    Missing,
}

impl Store {
    /// Announces an upload, unless its owner has about this many that are expected, or that no task edits.
    ///
    /// # Errors
    /// When the database fails; then nothing was announced.
    pub async fn create_upload(
        &self,
        upload: &Upload,
        most_unused: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let created = sqlx::query!(
            "-- store::uploads::create_upload
            INSERT INTO uploads (id, owner, media_type, byte_size, created_at, expires_at)
            SELECT $1, $2, $3, $4, $5, $6
            WHERE (
                SELECT count(*) FROM uploads
                WHERE owner = $2 AND NOT used AND (stored_as IS NOT NULL OR expires_at > $5)
            ) < $7",
            upload.id.0,
            upload.owner.as_str(),
            upload.media_type.content_type(),
            unsigned::<i64, _>(upload.byte_size)?,
            now,
            upload.expires_at,
            i64::from(most_unused),
        )
        .execute(&self.pool)
        .await?;
        Ok(created.rows_affected() > 0)
    }

    /// The upload with this id, whoever's it is: for the holder of a signed link.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_upload(&self, id: UploadId) -> Result<Option<Upload>, StoreError> {
        let row = sqlx::query!(
            "-- store::uploads::find_upload
            SELECT owner, media_type, byte_size, expires_at, received_digest FROM uploads WHERE id = $1",
            id.0,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(Upload {
                id,
                owner: owner(row.owner)?,
                media_type: media_type(&row.media_type)?,
                byte_size: unsigned(row.byte_size)?,
                expires_at: row.expires_at,
                digest: row.received_digest,
            })
        })
        .transpose()
    }

    /// Settles which bytes an upload has, before they are stored: the first to come. False when they
    /// were others, or when it is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_upload(&self, id: UploadId, digest: &[u8]) -> Result<bool, StoreError> {
        let settled = sqlx::query!(
            "-- store::uploads::settle_upload
            UPDATE uploads SET received_digest = $2
            WHERE id = $1 AND (received_digest IS NULL OR received_digest = $2)",
            id.0,
            digest,
        )
        .execute(&self.pool)
        .await?;
        Ok(settled.rows_affected() > 0)
    }

    /// Notes that the bytes of an upload are in the store.
    ///
    /// # Errors
    /// When the database fails; then they have to be sent again.
    pub async fn finish_upload(&self, id: UploadId, kept_as: MediaType) -> Result<(), StoreError> {
        sqlx::query!(
            "-- store::uploads::finish_upload
            UPDATE uploads SET stored_as = $2 WHERE id = $1",
            id.0,
            kept_as.content_type(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Where these images can be had, each in its place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_inputs(
        &self,
        owner: &UserId,
        sources: &[ImageSource],
    ) -> Result<Vec<Input>, StoreError> {
        find_inputs(&mut *self.pool.acquire().await?, owner, sources).await
    }
}

/// The same, within a transaction.
pub(super) async fn find_inputs(
    db: &mut PgConnection,
    owner: &UserId,
    sources: &[ImageSource],
) -> Result<Vec<Input>, StoreError> {
    let uploads = stored_uploads(db, owner, &upload_ids(sources)).await?;
    let images = source_images(db, owner, sources).await?;
    let stored = |path: Option<String>| path.map_or(Input::Missing, |path| Input::Stored { path });
    let inputs = sources.iter().map(|source| match source {
        ImageSource::Url(url) => Input::Url(url.clone()),
        ImageSource::Upload { upload } => {
            let found = uploads.iter().find(|(id, _)| id == upload);
            stored(found.map(|(id, kept_as)| Upload::path(*id, *kept_as)))
        }
        ImageSource::Image { image } => {
            let found = images.iter().find(|each| each.id == *image);
            stored(found.map(|image| image.path(ImageVariant::Original)))
        }
    });
    Ok(inputs.collect())
}

async fn stored_uploads(
    db: &mut PgConnection,
    owner: &UserId,
    ids: &[Uuid],
) -> Result<Vec<(UploadId, MediaType)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        r#"-- store::uploads::stored_uploads
        SELECT id, stored_as AS "stored_as!" FROM uploads
        WHERE owner = $1 AND id = ANY ($2) AND stored_as IS NOT NULL"#,
        owner.as_str(),
        ids,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Ok((UploadId(row.id), media_type(&row.stored_as)?))).collect()
}

async fn source_images(
    db: &mut PgConnection,
    owner: &UserId,
    sources: &[ImageSource],
) -> Result<Vec<Image>, StoreError> {
    let ids = sources.iter().filter_map(|source| match source {
        ImageSource::Image { image } => Some(*image),
        ImageSource::Url(_) | ImageSource::Upload { .. } => None,
    });
    let ids: Vec<ImageId> = ids.collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let tasks = find_tasks(db, owner, &[], &ids).await?;
    Ok(tasks.into_iter().flat_map(|task| task.images).collect())
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

fn media_type(content_type: &str) -> Result<MediaType, StoreError> {
    MediaType::from_content_type(content_type).ok_or(StoreError::Inconsistent("uploads.media_type"))
}

/// Ties uploads to the task that edits them. False when one of them is gone.
pub(super) async fn use_uploads(
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
        "-- store::uploads::use_uploads
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

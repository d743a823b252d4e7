//! What clients sent, or announced, to be edited.

use std::collections::HashMap;

use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::rows::{owner, unsigned};
use super::{Store, StoreError};
use crate::domain::{
    Image, ImageSource, ImageVariant, MediaType, TaskId, Timestamp, Upload, UploadId, UserId,
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
        let paths = find_paths(&mut *self.pool.acquire().await?, &[(owner, sources)]).await?;
        Ok(paths.inputs(owner, sources))
    }
}

/// Where uploads and images are in the store.
#[derive(Debug, Default)]
pub(super) struct Paths(HashMap<(String, Stored), String>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stored {
    Upload(Uuid),
    Image(Uuid),
}

impl Stored {
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

impl Paths {
    pub(super) fn inputs(&self, owner: &UserId, sources: &[ImageSource]) -> Vec<Input> {
        let input = |source: &ImageSource| match (source, Stored::of(source)) {
            (ImageSource::Url(url), _) => Input::Url(url.clone()),
            (_, Some(stored)) => match self.0.get(&(owner.as_str().to_owned(), stored)) {
                Some(path) => Input::Stored { path: path.clone() },
                None => Input::Missing,
            },
            (_, None) => Input::Missing,
        };
        sources.iter().map(input).collect()
    }
}

/// Looks up what these owners name, as far as it is theirs. One statement, or none.
pub(super) async fn find_paths(
    db: &mut PgConnection,
    asked: &[(&UserId, &[ImageSource])],
) -> Result<Paths, StoreError> {
    let (mut owners, mut ids) = (Vec::new(), Vec::new());
    for (owner, sources) in asked {
        for stored in sources.iter().filter_map(Stored::of) {
            owners.push(owner.as_str().to_owned());
            ids.push(stored.id());
        }
    }
    if ids.is_empty() {
        return Ok(Paths::default());
    }
    let rows = sqlx::query!(
        r#"-- store::uploads::find_paths
        SELECT u.owner AS "owner!", u.id AS "id!", NULL::uuid AS task_id, 0::smallint AS "job!",
            0::smallint AS "position!", u.stored_as AS "media_type!"
        FROM unnest($1::text[], $2::uuid[]) AS asked (owner, id)
        JOIN uploads AS u ON u.id = asked.id AND u.owner = asked.owner AND u.stored_as IS NOT NULL
        UNION ALL
        SELECT i.owner, i.id, i.task_id, i.job, i.position, i.media_type
        FROM unnest($1::text[], $2::uuid[]) AS asked (owner, id)
        JOIN images AS i ON i.id = asked.id AND i.owner = asked.owner"#,
        &owners,
        &ids,
    )
    .fetch_all(db)
    .await?;
    let mut paths = HashMap::new();
    for row in rows {
        let (stored, folder) = match row.task_id {
            Some(task) => {
                let (job, position) = (unsigned(row.job)?, unsigned(row.position)?);
                (Stored::Image(row.id), Image::folder(TaskId(task), job, position))
            }
            None => (Stored::Upload(row.id), Upload::folder(UploadId(row.id))),
        };
        let path = Image::file(&folder, ImageVariant::Original, media_type(&row.media_type)?);
        paths.insert((row.owner, stored), path);
    }
    Ok(Paths(paths))
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

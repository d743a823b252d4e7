//! The images on a board, in their order.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::touch;
use crate::domain::{Board, BoardId, ImageId, Task, TaskId, Timestamp, UserId};
use crate::store::page::{Page, Range};
use crate::store::{Store, StoreError};

/// Where an image stands: its position when it was read, and itself, which finds the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BoardPlace {
    /// Larger than that of the image before.
    pub position: i64,
    /// The image there.
    pub image: ImageId,
}

/// An image on a board, with the task that made it.
#[derive(Debug, Clone)]
pub struct BoardImage {
    /// Where it stands.
    pub place: BoardPlace,
    /// What made it.
    pub task: Arc<Task>,
}

/// What became of images that were to be put on a board, or moved on it.
#[derive(Debug, Clone, PartialEq)]
pub enum Added {
    /// They stand there; so does what stood there before.
    Done(Board),
    /// There is no such board, for this user.
    NoBoard,
    /// One of the images is not there, for this user.
    NoImage,
    /// The board would hold more than it may.
    Full,
}

struct Found {
    board: BoardId,
    place: BoardPlace,
    task: TaskId,
}

struct Locked {
    last_position: i64,
    count: i64,
}

impl Store {
    /// Puts images behind those on a board; those that stand there already stay where they are.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn add_to_board(
        &self,
        owner: &UserId,
        id: BoardId,
        images: &[ImageId],
        now: Timestamp,
    ) -> Result<Added, StoreError> {
        let images: Vec<Uuid> = images.iter().map(|id| id.0).collect();
        let mut tx = self.pool.begin().await?;
        let owned = lock_images(&mut tx, owner, &images).await?;
        let Some(board) = lock(&mut tx, owner, id).await? else { return Ok(Added::NoBoard) };
        if owned < images.len() {
            return Ok(Added::NoImage);
        }
        let added = insert(&mut tx, id, &images, board.last_position).await?;
        if added > 0 && board.count.saturating_add(added) > i64::from(Board::MAX_IMAGES) {
            return Ok(Added::Full);
        }
        let positions = i64::try_from(images.len()).unwrap_or(i64::MAX);
        let board = touch(&mut tx, id, positions, now).await?;
        tx.commit().await?;
        self.hints.board_changed(id);
        Ok(Added::Done(board))
    }

    /// Takes images off a board; those that do not stand there are passed over. `None` when there is no
    /// such board.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn remove_from_board(
        &self,
        owner: &UserId,
        id: BoardId,
        images: &[ImageId],
        now: Timestamp,
    ) -> Result<Option<Board>, StoreError> {
        let images: Vec<Uuid> = images.iter().map(|id| id.0).collect();
        let mut tx = self.pool.begin().await?;
        if lock(&mut tx, owner, id).await?.is_none() {
            return Ok(None);
        }
        sqlx::query!(
            "-- store::boards::remove_from_board
            DELETE FROM board_images WHERE board_id = $1 AND image_id = ANY ($2)",
            id.0,
            &images,
        )
        .execute(&mut *tx)
        .await?;
        let board = touch(&mut tx, id, 0, now).await?;
        tx.commit().await?;
        self.hints.board_changed(id);
        Ok(Some(board))
    }

    /// Moves images of a board before another of its images, or to its end.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn move_on_board(
        &self,
        owner: &UserId,
        id: BoardId,
        images: &[ImageId],
        before: Option<ImageId>,
        now: Timestamp,
    ) -> Result<Added, StoreError> {
        let moved: Vec<Uuid> = images.iter().map(|id| id.0).collect();
        let mut tx = self.pool.begin().await?;
        if lock(&mut tx, owner, id).await?.is_none() {
            return Ok(Added::NoBoard);
        }
        let order = read_order(&mut tx, id).await?;
        let named = moved.iter().copied().chain(before.map(|id| id.0));
        if named.into_iter().any(|image| !order.contains(&image)) {
            return Ok(Added::NoImage);
        }
        write_order(&mut tx, id, &reordered(order, &moved, before.map(|id| id.0))).await?;
        let board = touch(&mut tx, id, 0, now).await?;
        tx.commit().await?;
        self.hints.board_changed(id);
        Ok(Added::Done(board))
    }

    /// The same part of each of the owner's boards. Two statements, which read whole boards: their images
    /// are bounded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_board_images(
        &self,
        owner: &UserId,
        boards: &[BoardId],
        range: Range<BoardPlace>,
    ) -> Result<HashMap<BoardId, Page<BoardImage>>, StoreError> {
        let places = self.list_places(owner, boards, range).await?;
        let mut makers: Vec<TaskId> = places.iter().map(|found| found.task).collect();
        makers.sort_unstable();
        makers.dedup();
        let tasks = self.find_tasks(owner, &makers, &[]).await?;
        let tasks: HashMap<TaskId, Arc<Task>> =
            tasks.into_iter().map(|task| (task.id, Arc::new(task))).collect();
        let mut found: HashMap<BoardId, Vec<BoardImage>> = HashMap::new();
        for Found { board, place, task } in places {
            // Deleted in between.
            let Some(task) = tasks.get(&task) else { continue };
            let image = BoardImage { place, task: Arc::clone(task) };
            found.entry(board).or_default().push(image);
        }
        Ok(found.into_iter().map(|(board, items)| (board, Page::new(items, &range))).collect())
    }

    async fn list_places(
        &self,
        owner: &UserId,
        boards: &[BoardId],
        range: Range<BoardPlace>,
    ) -> Result<Vec<Found>, StoreError> {
        let ids: Vec<Uuid> = boards.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            "-- store::boards::list_places
            SELECT b.board_id, b.position, b.image_id, images.task_id
            FROM boards
            CROSS JOIN LATERAL (
                SELECT i.* FROM board_images AS i
                WHERE i.board_id = boards.id
                    AND ($3::bigint IS NULL OR i.position > COALESCE(
                        (SELECT position FROM board_images WHERE board_id = boards.id AND image_id = $4),
                        $3
                    ))
                    AND ($5::bigint IS NULL OR i.position < COALESCE(
                        (SELECT position FROM board_images WHERE board_id = boards.id AND image_id = $6),
                        $5
                    ))
                ORDER BY CASE WHEN $7 THEN -i.position ELSE i.position END
                LIMIT $8
            ) AS b
            JOIN images ON images.id = b.image_id
            WHERE boards.owner = $1 AND boards.id = ANY ($2)
            ORDER BY CASE WHEN $7 THEN -b.position ELSE b.position END",
            owner.as_str(),
            &ids,
            range.after.map(|place| place.position),
            range.after.map(|place| place.image.0),
            range.before.map(|place| place.position),
            range.before.map(|place| place.image.0),
            range.from_end,
            range.rows(),
        )
        .fetch_all(&self.pool)
        .await?;
        let places = rows.into_iter().map(|row| Found {
            board: BoardId(row.board_id),
            place: BoardPlace { position: row.position, image: ImageId(row.image_id) },
            task: TaskId(row.task_id),
        });
        Ok(places.collect())
    }
}

async fn lock(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    id: BoardId,
) -> Result<Option<Locked>, StoreError> {
    // The count in a statement of its own would see what was added while the lock was waited for.
    let locked = sqlx::query_scalar!(
        "-- store::boards::lock
        SELECT last_position FROM boards WHERE id = $1 AND owner = $2 FOR NO KEY UPDATE",
        id.0,
        owner.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(last_position) = locked else { return Ok(None) };
    let count = sqlx::query_scalar!(
        r#"-- store::boards::lock
        SELECT count(*) AS "count!" FROM board_images WHERE board_id = $1"#,
        id.0,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Some(Locked { last_position, count }))
}

/// Keeps the owner's images from being deleted; how many of them there are.
async fn lock_images(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    images: &[Uuid],
) -> Result<usize, StoreError> {
    let locked = sqlx::query_scalar!(
        "-- store::boards::lock_images
        SELECT id FROM images WHERE owner = $1 AND id = ANY ($2) ORDER BY id FOR KEY SHARE",
        owner.as_str(),
        images,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(locked.len())
}

async fn insert(
    tx: &mut Transaction<'_, Postgres>,
    id: BoardId,
    images: &[Uuid],
    last_position: i64,
) -> Result<i64, StoreError> {
    let inserted = sqlx::query!(
        "-- store::boards::insert
        INSERT INTO board_images (board_id, image_id, position)
        SELECT $1, image.id, $3 + image.number
        FROM unnest($2::uuid[]) WITH ORDINALITY AS image (id, number)
        ON CONFLICT (board_id, image_id) DO NOTHING",
        id.0,
        images,
        last_position,
    )
    .execute(&mut **tx)
    .await?;
    Ok(i64::try_from(inserted.rows_affected()).unwrap_or(i64::MAX))
}

async fn read_order(
    tx: &mut Transaction<'_, Postgres>,
    id: BoardId,
) -> Result<Vec<Uuid>, StoreError> {
    let order = sqlx::query_scalar!(
        "-- store::boards::read_order
        SELECT image_id FROM board_images WHERE board_id = $1 ORDER BY position",
        id.0,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(order)
}

fn reordered(order: Vec<Uuid>, moved: &[Uuid], before: Option<Uuid>) -> Vec<Uuid> {
    // Moved before one of themselves, they stay together where that one would be.
    let stays = |image: &Uuid| !moved.contains(image);
    let place = before.and_then(|before| order.iter().position(|image| *image == before));
    let ahead = order[..place.unwrap_or(order.len())].iter().filter(|image| stays(image)).count();
    let mut order: Vec<Uuid> = order.into_iter().filter(stays).collect();
    order.splice(ahead..ahead, moved.iter().copied());
    order
}

async fn write_order(
    tx: &mut Transaction<'_, Postgres>,
    id: BoardId,
    order: &[Uuid],
) -> Result<(), StoreError> {
    // No more than `last_position`, behind which the next image is put.
    sqlx::query!(
        "-- store::boards::write_order
        UPDATE board_images AS i SET position = image.number
        FROM unnest($2::uuid[]) WITH ORDINALITY AS image (id, number)
        WHERE i.board_id = $1 AND i.image_id = image.id AND i.position <> image.number",
        id.0,
        order,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_move_together_before_another_or_to_the_end() {
        let ids =
            |numbers: &[u128]| numbers.iter().copied().map(Uuid::from_u128).collect::<Vec<_>>();
        let after = |moved: &[u128], before: Option<u128>| {
            reordered(ids(&[1, 2, 3, 4]), &ids(moved), before.map(Uuid::from_u128))
        };
        assert_eq!(after(&[4, 2], Some(1)), ids(&[4, 2, 1, 3]));
        assert_eq!(after(&[1], Some(4)), ids(&[2, 3, 1, 4]));
        assert_eq!(after(&[2], None), ids(&[1, 3, 4, 2]));
        assert_eq!(after(&[2, 3], Some(3)), ids(&[1, 2, 3, 4]));
    }
}

//! The images on a board and their order.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::touch;
use crate::domain::{Board, BoardId, ImageId, Task, TaskId, Timestamp, UserId};
use crate::store::page::{Page, Range};
use crate::store::rows::checked_int;
use crate::store::{ReadStore, Store, StoreError};

/// A place on a board: the position of an image when it was read, and the image's id, by which its
/// current position is found after it was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BoardPosition {
    /// Grows from the first image to the last.
    pub position: i64,
    /// The image.
    pub image: ImageId,
}

/// An image on a board, with the task that made it.
#[derive(Debug, Clone)]
pub struct BoardImage {
    /// Its position on the board.
    pub board_position: BoardPosition,
    /// The task that made it.
    pub task: Arc<Task>,
}

/// The result of adding images to a board or moving them on it.
#[derive(Debug, Clone, PartialEq)]
pub enum BoardImagesOutcome {
    /// The changed board.
    Changed(Board),
    /// The user has no such board.
    BoardNotFound,
    /// One of the images does not exist or is not on the board, for this user.
    ImageNotFound,
    /// The board would exceed its maximum number of images.
    BoardFull,
}

struct BoardImageRow {
    /// The index of its page.
    number: usize,
    board_position: BoardPosition,
    task: TaskId,
}

struct LockedBoard {
    last_position: i64,
    count: i64,
}

/// Pages of boards, as columns.
struct PageColumns {
    boards: Vec<Uuid>,
    after: Vec<i64>,
    after_images: Vec<Option<Uuid>>,
    before: Vec<i64>,
    before_images: Vec<Option<Uuid>>,
    from_end: Vec<bool>,
    limits: Vec<i64>,
}

impl PageColumns {
    fn new(wanted: &[(BoardId, Range<BoardPosition>)]) -> Self {
        let ranges = || wanted.iter().map(|(_, range)| range);
        let position = |key: Option<BoardPosition>, end: i64| key.map_or(end, |key| key.position);
        let image = |key: Option<BoardPosition>| key.map(|key| key.image.0);
        Self {
            boards: wanted.iter().map(|(board, _)| board.0).collect(),
            after: ranges().map(|range| position(range.after, i64::MIN)).collect(),
            after_images: ranges().map(|range| image(range.after)).collect(),
            before: ranges().map(|range| position(range.before, i64::MAX)).collect(),
            before_images: ranges().map(|range| image(range.before)).collect(),
            from_end: ranges().map(|range| range.from_end).collect(),
            limits: ranges().map(Range::fetch_limit).collect(),
        }
    }
}

impl ReadStore {
    /// Pages of the owner's boards, in two statements; no entry for a page of a board that does not exist. The number of
    /// images per board is limited.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_board_images(
        &self,
        owner: &UserId,
        wanted: &[(BoardId, Range<BoardPosition>)],
    ) -> Result<HashMap<(BoardId, Range<BoardPosition>), Page<BoardImage>>, StoreError> {
        let found_rows = self.list_board_positions(owner, wanted).await?;
        let mut task_ids: Vec<TaskId> = found_rows.iter().map(|row| row.task).collect();
        task_ids.sort_unstable();
        task_ids.dedup();
        let tasks = self.find_tasks(owner, &task_ids, &[]).await?;
        let tasks: HashMap<TaskId, Arc<Task>> =
            tasks.into_iter().map(|task| (task.id, Arc::new(task))).collect();
        let mut found: HashMap<usize, Vec<BoardImage>> = HashMap::new();
        for BoardImageRow { number, board_position, task } in found_rows {
            // The task was deleted between the two statements.
            let Some(task) = tasks.get(&task) else { continue };
            let image = BoardImage { board_position, task: Arc::clone(task) };
            found.entry(number).or_default().push(image);
        }
        let page = |(number, items)| {
            let key: &(BoardId, Range<BoardPosition>) = wanted.get(number)?;
            Some((*key, Page::new(items, &key.1)))
        };
        Ok(found.into_iter().filter_map(page).collect())
    }

    async fn list_board_positions(
        &self,
        owner: &UserId,
        wanted: &[(BoardId, Range<BoardPosition>)],
    ) -> Result<Vec<BoardImageRow>, StoreError> {
        let pages = PageColumns::new(wanted);
        let rows = sqlx::query!(
            r#"-- store::boards::list_board_positions
            SELECT
                wanted.number AS "number!", b.position AS "position!", b.image_id AS "image_id!",
                images.task_id
            FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::bigint[], $6::uuid[], $7::boolean[], $8::bigint[])
                WITH ORDINALITY AS wanted (board_id, after, after_image, before, before_image, from_end, size, number)
            JOIN boards ON boards.id = wanted.board_id AND boards.owner = $1
            CROSS JOIN LATERAL (
                SELECT
                    COALESCE((
                        SELECT position FROM board_images
                        WHERE board_id = boards.id AND image_id = wanted.after_image
                    ), wanted.after) AS after,
                    COALESCE((
                        SELECT position FROM board_images
                        WHERE board_id = boards.id AND image_id = wanted.before_image
                    ), wanted.before) AS before
            ) AS bounds
            CROSS JOIN LATERAL (
                (SELECT * FROM board_images
                WHERE board_id = boards.id AND NOT wanted.from_end
                    AND position > bounds.after AND position < bounds.before
                ORDER BY position LIMIT wanted.size)
                UNION ALL
                (SELECT * FROM board_images
                WHERE board_id = boards.id AND wanted.from_end
                    AND position > bounds.after AND position < bounds.before
                ORDER BY position DESC LIMIT wanted.size)
            ) AS b
            JOIN images ON images.id = b.image_id
            ORDER BY wanted.number, CASE WHEN wanted.from_end THEN -b.position ELSE b.position END"#,
            owner.as_str(),
            &pages.boards,
            &pages.after,
            &pages.after_images as _,
            &pages.before,
            &pages.before_images as _,
            &pages.from_end,
            &pages.limits,
        )
        .fetch_all(&self.pool)
        .await?;
        let found_rows = rows.into_iter().map(|row| {
            Ok(BoardImageRow {
                number: checked_int(row.number - 1)?,
                board_position: BoardPosition {
                    position: row.position,
                    image: ImageId(row.image_id),
                },
                task: TaskId(row.task_id),
            })
        });
        found_rows.collect()
    }
}

impl Store {
    /// Appends images to a board; images that are on it already keep their position.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn add_to_board(
        &self,
        owner: &UserId,
        id: BoardId,
        images: &[ImageId],
        now: Timestamp,
    ) -> Result<BoardImagesOutcome, StoreError> {
        let images: Vec<Uuid> = images.iter().map(|id| id.0).collect();
        let mut tx = self.pool.begin().await?;
        let found = lock_images(&mut tx, owner, &images).await?;
        let Some(board) = lock_board(&mut tx, owner, id).await? else {
            return Ok(BoardImagesOutcome::BoardNotFound);
        };
        if found < images.len() {
            return Ok(BoardImagesOutcome::ImageNotFound);
        }
        let added = insert_images(&mut tx, id, &images, board.last_position).await?;
        if added > 0 && board.count.saturating_add(added) > i64::from(Board::MAX_IMAGES) {
            return Ok(BoardImagesOutcome::BoardFull);
        }
        let positions = i64::try_from(images.len()).unwrap_or(i64::MAX);
        let board = touch(&mut tx, id, positions, now).await?;
        tx.commit().await?;
        self.hints.board_changed(id);
        Ok(BoardImagesOutcome::Changed(board))
    }

    /// Removes images from a board; ids of images that are not on it are ignored. `None` when the
    /// owner has no such board.
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
        if lock_board(&mut tx, owner, id).await?.is_none() {
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

    /// Moves images of a board before another of its images, or to the end.
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
    ) -> Result<BoardImagesOutcome, StoreError> {
        let moved: Vec<Uuid> = images.iter().map(|id| id.0).collect();
        let mut tx = self.pool.begin().await?;
        if lock_board(&mut tx, owner, id).await?.is_none() {
            return Ok(BoardImagesOutcome::BoardNotFound);
        }
        let order = read_order(&mut tx, id).await?;
        let named = moved.iter().copied().chain(before.map(|id| id.0));
        if named.into_iter().any(|image| !order.contains(&image)) {
            return Ok(BoardImagesOutcome::ImageNotFound);
        }
        write_order(&mut tx, id, &reordered(order, &moved, before.map(|id| id.0))).await?;
        let board = touch(&mut tx, id, 0, now).await?;
        tx.commit().await?;
        self.hints.board_changed(id);
        Ok(BoardImagesOutcome::Changed(board))
    }
}

async fn lock_board(
    tx: &mut Transaction<'_, Postgres>,
    owner: &UserId,
    id: BoardId,
) -> Result<Option<LockedBoard>, StoreError> {
    // The count is a separate statement, so it includes images added while this one waited for
    // the lock.
    let locked = sqlx::query_scalar!(
        "-- store::boards::lock_board
        SELECT last_position FROM boards WHERE id = $1 AND owner = $2 FOR NO KEY UPDATE",
        id.0,
        owner.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(last_position) = locked else { return Ok(None) };
    let count = sqlx::query_scalar!(
        r#"-- store::boards::lock_board
        SELECT count(*) AS "count!" FROM board_images WHERE board_id = $1"#,
        id.0,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Some(LockedBoard { last_position, count }))
}

/// Locks the owner's images so that they cannot be deleted, and returns their number.
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

async fn insert_images(
    tx: &mut Transaction<'_, Postgres>,
    id: BoardId,
    images: &[Uuid],
    last_position: i64,
) -> Result<i64, StoreError> {
    let inserted = sqlx::query!(
        "-- store::boards::insert_images
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
    // When `before` is one of the moved images, the moved images stay together at its position.
    let stays = |image: &Uuid| !moved.contains(image);
    let index = before.and_then(|before| order.iter().position(|image| *image == before));
    let ahead = order[..index.unwrap_or(order.len())].iter().filter(|image| stays(image)).count();
    let mut order: Vec<Uuid> = order.into_iter().filter(stays).collect();
    order.splice(ahead..ahead, moved.iter().copied());
    order
}

async fn write_order(
    tx: &mut Transaction<'_, Postgres>,
    id: BoardId,
    order: &[Uuid],
) -> Result<(), StoreError> {
    // The new positions never exceed `last_position`, after which the next image is appended.
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

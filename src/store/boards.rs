//! Boards and their images. Each change increments the board's version and sends a hint after the
//! commit. Transactions lock rows in the order task, jobs, user, images, boards.

mod images;

use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

pub use images::{BoardImage, BoardImagesOutcome, BoardPosition};

use super::page::{Page, Range};
use super::rows::{checked_int, owner};
use super::{ReadStore, Store, StoreError};
use crate::domain::{Board, BoardId, BoardKind, ImageId, TaskId, Timestamp, UserId};

struct BoardRow {
    id: Uuid,
    owner: String,
    kind: String,
    title: String,
    version: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl BoardRow {
    fn into_board(self) -> Result<Board, StoreError> {
        Ok(Board {
            id: BoardId(self.id),
            owner: owner(self.owner)?,
            kind: BoardKind::from_name(&self.kind)
                .ok_or(StoreError::Inconsistent("boards.kind"))?,
            title: self.title,
            version: checked_int(self.version)?,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl ReadStore {
    /// The owner's boards with these ids, in no particular order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_boards(
        &self,
        owner: &UserId,
        ids: &[BoardId],
    ) -> Result<Vec<Board>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = sqlx::query_as!(
            BoardRow,
            "-- store::boards::find_boards
            SELECT id, owner, kind, title, version, created_at, updated_at FROM boards
            WHERE owner = $1 AND id = ANY ($2)",
            owner.as_str(),
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(BoardRow::into_board).collect()
    }

    /// The board with this id, if it is the owner's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_board(
        &self,
        owner: &UserId,
        id: BoardId,
    ) -> Result<Option<Board>, StoreError> {
        Ok(self.find_boards(owner, &[id]).await?.pop())
    }

    /// A page of the owner's boards, newest first. The number of boards per user is limited.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_boards(
        &self,
        owner: &UserId,
        kind: Option<BoardKind>,
        range: Range<BoardId>,
    ) -> Result<Page<Board>, StoreError> {
        let rows = sqlx::query_as!(
            BoardRow,
            "-- store::boards::list_boards
            SELECT id, owner, kind, title, version, created_at, updated_at FROM boards
            WHERE owner = $1
                AND ($2::text IS NULL OR kind = $2)
                AND ($3::uuid IS NULL OR id < $3)
                AND ($4::uuid IS NULL OR id > $4)
            ORDER BY CASE WHEN $5 THEN id END ASC, id DESC
            LIMIT $6",
            owner.as_str(),
            kind.map(BoardKind::name),
            range.after.map(|id| id.0),
            range.before.map(|id| id.0),
            range.from_end,
            range.fetch_limit(),
        )
        .fetch_all(&self.pool)
        .await?;
        let boards = rows.into_iter().map(BoardRow::into_board).collect::<Result<_, _>>()?;
        Ok(Page::new(boards, &range))
    }
}

impl Store {
    /// Creates a board; returns false when its owner has `max_boards` already. Concurrent calls may
    /// exceed the limit slightly.
    ///
    /// # Errors
    /// When the database fails; then nothing was created.
    pub async fn create_board(&self, board: &Board, max_boards: u32) -> Result<bool, StoreError> {
        let created = sqlx::query!(
            "-- store::boards::create_board
            INSERT INTO boards (id, owner, kind, title, created_at, updated_at)
            SELECT $1, $2, $3, $4, $5, $5
            WHERE (SELECT count(*) FROM boards WHERE owner = $2) < $6",
            board.id.0,
            board.owner.as_str(),
            board.kind.name(),
            board.title,
            board.created_at,
            i64::from(max_boards),
        )
        .execute(&self.pool)
        .await?;
        Ok(created.rows_affected() > 0)
    }

    /// Changes a board's title; `None` when the owner has no such board.
    ///
    /// # Errors
    /// When the database fails; then nothing was changed.
    pub async fn rename_board(
        &self,
        owner: &UserId,
        id: BoardId,
        title: &str,
        now: Timestamp,
    ) -> Result<Option<Board>, StoreError> {
        let row = sqlx::query_as!(
            BoardRow,
            "-- store::boards::rename_board
            UPDATE boards SET title = $3, version = version + 1, updated_at = $4
            WHERE id = $1 AND owner = $2
            RETURNING id, owner, kind, title, version, created_at, updated_at",
            id.0,
            owner.as_str(),
            title,
            now,
        )
        .fetch_optional(&self.pool)
        .await?;
        if row.is_some() {
            self.hints.board_changed(id);
        }
        row.map(BoardRow::into_board).transpose()
    }

    /// Deletes a board but not its images, and returns it as it was; `None` when the owner has no
    /// such board.
    ///
    /// # Errors
    /// When the database fails; then nothing was deleted.
    pub async fn delete_board(
        &self,
        owner: &UserId,
        id: BoardId,
    ) -> Result<Option<Board>, StoreError> {
        let row = sqlx::query_as!(
            BoardRow,
            "-- store::boards::delete_board
            DELETE FROM boards WHERE id = $1 AND owner = $2
            RETURNING id, owner, kind, title, version, created_at, updated_at",
            id.0,
            owner.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        if row.is_some() {
            self.hints.board_changed(id);
        }
        row.map(BoardRow::into_board).transpose()
    }
}

/// Increments a board's version, updates its `updated_at` and reserves `positions` positions.
async fn touch(
    db: &mut PgConnection,
    id: BoardId,
    positions: i64,
    now: Timestamp,
) -> Result<Board, StoreError> {
    let row = sqlx::query_as!(
        BoardRow,
        "-- store::boards::touch
        UPDATE boards
        SET version = version + 1, last_position = last_position + $2, updated_at = $3
        WHERE id = $1
        RETURNING id, owner, kind, title, version, created_at, updated_at",
        id.0,
        positions,
        now,
    )
    .fetch_one(db)
    .await?;
    row.into_board()
}

/// Appends new images to the board that the task was submitted for, if the board still exists and
/// the images fit.
pub(super) async fn attach_images(
    tx: &mut Transaction<'_, Postgres>,
    task: TaskId,
    images: &[ImageId],
    now: Timestamp,
) -> Result<Option<BoardId>, StoreError> {
    let images: Vec<Uuid> = images.iter().map(|id| id.0).collect();
    // A separate statement: the next one also counts images added while this one waited for the
    // lock.
    sqlx::query!(
        "-- store::boards::attach_images
        SELECT b.id FROM boards AS b JOIN tasks AS t ON b.id = t.board_id AND b.owner = t.owner
        WHERE t.id = $1
        FOR NO KEY UPDATE OF b",
        task.0,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let boards = sqlx::query_scalar!(
        "-- store::boards::attach_images
        WITH board AS (
            UPDATE boards AS b
            SET version = b.version + 1,
                last_position = b.last_position + cardinality($2::uuid[]),
                updated_at = $3
            FROM tasks AS t
            WHERE t.id = $1 AND b.id = t.board_id AND b.owner = t.owner
                AND cardinality($2::uuid[]) + (
                    SELECT count(*) FROM board_images WHERE board_id = b.id
                ) <= $4
            RETURNING b.id, b.last_position - cardinality($2::uuid[]) AS before
        )
        INSERT INTO board_images (board_id, image_id, position)
        SELECT board.id, image.id, board.before + image.number
        FROM board, unnest($2::uuid[]) WITH ORDINALITY AS image (id, number)
        RETURNING board_id",
        task.0,
        &images,
        now,
        i64::from(Board::MAX_IMAGES),
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(boards.first().copied().map(BoardId))
}

/// Increments the version of each board that holds one of these images, which are about to be
/// deleted.
pub(super) async fn touch_boards_of(
    tx: &mut Transaction<'_, Postgres>,
    images: &[Uuid],
    now: Timestamp,
) -> Result<Vec<BoardId>, StoreError> {
    let boards = sqlx::query_scalar!(
        "-- store::boards::touch_boards_of
        WITH locked AS (
            SELECT id FROM boards
            WHERE id IN (SELECT board_id FROM board_images WHERE image_id = ANY ($1))
            ORDER BY id
            FOR NO KEY UPDATE
        )
        UPDATE boards AS b SET version = b.version + 1, updated_at = $2
        FROM locked
        WHERE b.id = locked.id
        RETURNING b.id",
        images,
        now,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(boards.into_iter().map(BoardId).collect())
}

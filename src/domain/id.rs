//! Public ids: `task_…`, `image_…`, …; opaque and sortable by creation time (`UUIDv7`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not a valid id of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id of this type")]
pub struct InvalidId;

macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let digits = text.strip_prefix(concat!($prefix, "_")).ok_or(InvalidId)?;
                let canonical = digits.len() == 32
                    && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                if !canonical {
                    return Err(InvalidId);
                }
                Uuid::try_parse(digits).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

public_id!(
    /// A task, as `task_` and 32 hexadecimal digits.
    TaskId,
    "task"
);
public_id!(
    /// A stored image, as `image_` and 32 hexadecimal digits.
    ImageId,
    "image"
);
public_id!(
    /// An image that a client uploads for editing, as `upload_` and 32 hexadecimal digits.
    UploadId,
    "upload"
);
public_id!(
    /// A board, as `board_` and 32 hexadecimal digits.
    BoardId,
    "board"
);

public_id!(
    /// A webhook endpoint, as `webhook_` and 32 hexadecimal digits.
    EndpointId,
    "webhook"
);
public_id!(
    /// A webhook delivery, as `msg_` and 32 hexadecimal digits.
    DeliveryId,
    "msg"
);

/// The owner of an object: the `sub` claim of the user's token, 1 to 255 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserId(String);

impl UserId {
    /// Accepts any text of 1 to 255 characters without NUL (which Postgres cannot store).
    ///
    /// # Errors
    /// [`InvalidId`] for anything else.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if (1..=255).contains(&text.chars().count()) && !text.contains('\0') {
            Ok(Self(text))
        } else {
            Err(InvalidId)
        }
    }

    /// The id exactly as the token contains it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_parses_to_itself_and_other_spellings_are_rejected() {
        let id = TaskId(Uuid::from_u128(7));
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert!(text.to_uppercase().parse::<TaskId>().is_err());
        assert!(text.replace("task", "image").parse::<TaskId>().is_err());
        assert!(format!("task_{}", id.0).parse::<TaskId>().is_err());
    }

    #[test]
    fn a_user_id_has_1_to_255_characters() {
        assert!(UserId::parse("").is_err());
        assert!(UserId::parse("é".repeat(255)).is_ok());
        assert!(UserId::parse("é".repeat(256)).is_err());
        assert!(UserId::parse("a\0b").is_err());
    }
}

//! Converts columns to domain types. A value that cannot be converted is an error.

use super::StoreError;
use crate::domain::{ProviderName, Status, UserId};

pub(super) fn owner(text: String) -> Result<UserId, StoreError> {
    UserId::parse(text).map_err(|_| StoreError::Inconsistent("owner"))
}

pub(super) fn status(name: &str) -> Result<Status, StoreError> {
    Status::from_name(name).ok_or(StoreError::Inconsistent("status"))
}

pub(super) fn provider(slug: &str) -> Result<ProviderName, StoreError> {
    ProviderName::from_slug(slug).ok_or(StoreError::Inconsistent("provider"))
}

/// Converts a number between its domain type and its database type; an overflow is an error.
pub(super) fn checked_int<T: TryFrom<N>, N>(number: N) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| StoreError::Inconsistent("a number is out of range"))
}

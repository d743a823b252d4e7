//! What several HTTP handlers need.

pub mod body;
pub mod json;
pub mod quality;

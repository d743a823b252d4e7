//! Limits how many names that clients choose become labels: each label costs memory, here and in Prometheus.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

/// Maximum length of a name, in bytes.
const MAX_BYTES: usize = 100;

/// The first names that were seen.
#[derive(Debug)]
pub(super) struct BoundedNames {
    limit: usize,
    known: RwLock<HashSet<Box<str>>>,
}

impl BoundedNames {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, known: RwLock::default() }
    }

    /// The name, or `other` when it must not be a label.
    pub(super) fn admitted(&self, name: &str) -> String {
        let name = if self.admits(name) { name } else { "other" };
        name.to_owned()
    }

    fn admits(&self, name: &str) -> bool {
        if name.len() > MAX_BYTES {
            return false;
        }
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(name) {
            return true;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.len() < self.limit && known.insert(name.into()) || known.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_and_long_names_are_not_admitted() {
        let names = BoundedNames::new(2);
        assert!(names.admits("one") && names.admits("two") && names.admits("one"));
        assert!(!names.admits("three"), "a third name");
        assert!(names.admits("two"), "a known name");
        assert!(!BoundedNames::new(2).admits(&"a".repeat(101)), "a long name");
    }
}

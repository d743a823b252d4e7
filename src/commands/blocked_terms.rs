//! The operator's list of terms that a prompt must not contain.

use std::path::Path;

use regex::{RegexSet, RegexSetBuilder};

/// Blocked terms and regular expressions; empty by default.
#[derive(Debug, Clone, Default)]
pub struct BlockedTerms {
    patterns: RegexSet,
}

/// Why the list of blocked terms cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlockedTermsError {
    /// The file cannot be read.
    #[error("cannot read the file of blocked terms")]
    Unreadable(#[from] std::io::Error),
    /// A regular expression in the file is invalid.
    #[error("the file of blocked terms contains an invalid regular expression: {0}")]
    Malformed(#[from] regex::Error),
}

impl BlockedTerms {
    /// Reads a file with one term, or one regular expression between slashes, per line; `#` starts
    /// a comment.
    ///
    /// # Errors
    /// When the file cannot be read or an expression is invalid.
    pub fn read(path: &Path) -> Result<Self, BlockedTermsError> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    fn parse(text: &str) -> Result<Self, BlockedTermsError> {
        let lines = text.lines().map(str::trim);
        let rules = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let patterns = RegexSetBuilder::new(rules.map(pattern)).case_insensitive(true).build()?;
        Ok(Self { patterns })
    }

    /// Whether a prompt contains a blocked term.
    #[must_use]
    pub fn matches(&self, prompt: &str) -> bool {
        self.patterns.is_match(prompt)
    }
}

/// A term matches complete words only, so that `ass` does not match `glass`.
fn pattern(rule: &str) -> String {
    match rule.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some(expression) => expression.to_owned(),
        None => format!(r"(?:^|\W){}(?:\W|$)", regex::escape(rule)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_match_whole_words_and_expressions_match_anywhere() {
        let terms = BlockedTerms::parse("# names\nblue whale\n\n/v[i1]agra/\n").unwrap();
        assert!(terms.matches("A BLUE WHALE, painted"));
        assert!(terms.matches("cheapV1agra!"));
        assert!(!terms.matches("blue whales"));
        assert!(!terms.matches("names"));
        assert!(!BlockedTerms::default().matches("anything"));
        assert!(BlockedTerms::parse("/(/").is_err());
    }
}

//! The operator's list of what a prompt must not say.

use std::path::Path;

use regex::{RegexSet, RegexSetBuilder};

/// Terms and regular expressions; empty unless the operator sets some.
#[derive(Debug, Clone, Default)]
pub struct BlockedTerms {
    patterns: RegexSet,
}

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("the file of blocked terms cannot be read")]
    Unreadable(#[from] std::io::Error),
    /// An expression in it is wrong.
    #[error("the file of blocked terms holds an expression that cannot be used: {0}")]
    Malformed(#[from] regex::Error),
}

impl BlockedTerms {
    /// Reads a file: one term a line, or an expression between slashes; `#` begins a comment.
    ///
    /// # Errors
    /// When the file cannot be read or an expression is wrong.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    fn parse(text: &str) -> Result<Self, PolicyError> {
        let lines = text.lines().map(str::trim);
        let rules = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let patterns = RegexSetBuilder::new(rules.map(pattern)).case_insensitive(true).build()?;
        Ok(Self { patterns })
    }

    /// Whether a prompt says something on the list.
    #[must_use]
    pub fn block(&self, prompt: &str) -> bool {
        self.patterns.is_match(prompt)
    }
}

/// A term matches as whole words, so that `ass` does not block `glass`.
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
        assert!(terms.block("A BLUE WHALE, painted"));
        assert!(terms.block("cheapV1agra!"));
        assert!(!terms.block("blue whales"));
        assert!(!terms.block("names"));
        assert!(!BlockedTerms::default().block("anything"));
        assert!(BlockedTerms::parse("/(/").is_err());
    }
}

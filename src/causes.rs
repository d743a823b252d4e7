//! Errors in logs: with the whole chain of their causes.

use std::error::Error;
use std::fmt;

/// Shows an error and all its causes, separated by colons.
#[must_use]
pub fn with_causes<'a>(error: &'a (dyn Error + 'a)) -> impl fmt::Display + 'a {
    Chain(error)
}

struct Chain<'a>(&'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        formatter.write_str(&last)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some libraries repeat the cause in their own text.
            if !last.ends_with(&text) {
                write!(formatter, ": {text}")?;
            }
            last = text;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the connection was reset")]
    struct Reset;

    #[derive(Debug, thiserror::Error)]
    #[error("reading the row failed")]
    struct Read(#[source] Reset);

    #[derive(Debug, thiserror::Error)]
    #[error("the query failed: {0}")]
    struct Query(#[source] Read);

    #[test]
    fn every_cause_is_shown_once() {
        let text = with_causes(&Query(Read(Reset))).to_string();
        assert_eq!(text, "the query failed: reading the row failed: the connection was reset");
    }
}

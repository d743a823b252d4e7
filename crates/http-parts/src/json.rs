//! Parses JSON as other programs write it: texts that were cut in the middle of an emoji, numbers that are none.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// U+FFFD, as an escape of JSON.
const REPLACEMENT: &str = "\\ufffd";

/// Parses a JSON object. Half of a surrogate pair becomes U+FFFD: JavaScript can cut a text there, and `serde_json`
/// would reject everything.
///
/// # Errors
/// When the text is not a JSON object.
pub fn parse_object(text: &str) -> serde_json::Result<Map<String, Value>> {
    serde_json::from_str(text).or_else(|error| match replace_lone_surrogates(text) {
        Cow::Borrowed(_) => Err(error),
        Cow::Owned(repaired) => serde_json::from_str(&repaired),
    })
}

/// Parses JSON of a server. Half of a surrogate pair becomes U+FFFD; `NaN` and `Infinity`, as Python writes them, become
/// null.
///
/// # Errors
/// When the text is not JSON even then.
pub fn parse_lenient<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(bytes).or_else(|error| {
        let Ok(text) = std::str::from_utf8(bytes) else { return Err(error) };
        let repaired = replace_lone_surrogates(text);
        serde_json::from_str(&replace_non_numbers(&repaired)).map_err(|_| error)
    })
}

/// Replaces each `NaN`, `Infinity` and `-Infinity` outside of strings.
fn replace_non_numbers(json: &str) -> String {
    let mut repaired = String::with_capacity(json.len());
    let (mut rest, mut in_string) = (json, false);
    while let Some(character) = rest.chars().next() {
        let word = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| rest.starts_with(word));
        let length = match (in_string, word) {
            (false, Some(word)) => {
                repaired.push_str("null");
                rest = &rest[word.len()..];
                continue;
            }
            // An escaped character does not end the string.
            (true, _) if character == '\\' => {
                1 + rest[1..].chars().next().map_or(0, char::len_utf8)
            }
            _ => character.len_utf8(),
        };
        in_string ^= character == '"';
        repaired.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    repaired
}

/// Replaces each escape of half a surrogate pair.
fn replace_lone_surrogates(json: &str) -> Cow<'_, str> {
    let mut repaired = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\') {
        let escape = at + found;
        at = match code_unit(json, escape) {
            Some(0xD800..=0xDBFF) if is_trail(json, escape + 6) => escape + 12,
            Some(0xD800..=0xDFFF) => {
                repaired.push_str(&json[copied..escape]);
                repaired.push_str(REPLACEMENT);
                copied = escape + 6;
                copied
            }
            Some(_) => escape + 6,
            // The escaped character has at most four bytes.
            None => {
                json[escape + 1..].chars().next().map_or(json.len(), |c| escape + 1 + c.len_utf8())
            }
        };
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    repaired.push_str(&json[copied..]);
    Cow::Owned(repaired)
}

fn is_trail(json: &str, at: usize) -> bool {
    matches!(code_unit(json, at), Some(0xDC00..=0xDFFF))
}

/// The code unit of the escape `\uXXXX` at this place.
fn code_unit(json: &str, at: usize) -> Option<u32> {
    let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> String {
        parse_object(json).unwrap()["a"].as_str().unwrap().to_owned()
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        assert_eq!(parsed(r#"{"a":"cat \ud83d"}"#), "cat \u{FFFD}");
        assert_eq!(
            parsed(r#"{"a":"\ude3a and \ud83d\ud83d\ude3a"}"#),
            "\u{FFFD} and \u{FFFD}\u{1F63A}"
        );
        assert_eq!(parsed(r#"{"a":"\\ud83d \ud83dx"}"#), "\\ud83d \u{FFFD}x");
    }

    #[test]
    fn numbers_that_are_none_become_null_outside_of_strings() {
        let lenient =
            |json: &str| parse_lenient::<Value>(json.as_bytes()).map(|value| value.to_string());
        let json = r#"{"a":NaN,"b":[-Infinity,Infinity],"NaN":"NaN \" NaN","c":"\ud83d"}"#;
        let expected = r#"{"NaN":"NaN \" NaN","a":null,"b":[null,null],"c":"\u{FFFD}"}"#;
        assert_eq!(lenient(json).unwrap(), expected.replace("\\u{FFFD}", "\u{FFFD}"));
        assert!(lenient(r#"{"a":NaN"#).is_err());
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for json in ["", "{", "[]", r#"{"a":"\ud83"}"#, r#"{"a":"\"#, r#"{"a":"\ud83d""#, "\\ä"] {
            assert!(parse_object(json).is_err(), "{json}");
        }
    }
}

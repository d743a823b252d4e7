//! Removes secrets from the callbacks of providers, before operators see them.

use serde_json::Value;
use url::Url;

/// Longer texts are cut.
const MAX_TEXT_CHARS: usize = 300;
/// More items of a list or an object are left out.
const MAX_ITEMS: usize = 50;
/// Maximum bytes of the result.
const MAX_BYTES: usize = 8_000;
/// Fields whose names contain one of these lose their values.
const SECRET_WORDS: [&str; 9] =
    ["token", "secret", "key", "auth", "signature", "password", "prompt", "callback", "param"];

/// The JSON of a callback, without secrets: query strings of links, which often sign them, and values of fields with names
/// such as `token`. Text that is not JSON is left out.
#[must_use]
pub fn redacted(body: &[u8]) -> String {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return if body.is_empty() { String::new() } else { "\"(not JSON)\"".to_owned() };
    };
    redact(&mut value);
    let text = value.to_string();
    if text.len() > MAX_BYTES { "\"(too long)\"".to_owned() } else { text }
}

fn redact(value: &mut Value) {
    match value {
        Value::String(text) => *text = redacted_text(text),
        Value::Array(items) => {
            items.truncate(MAX_ITEMS);
            items.iter_mut().for_each(redact);
        }
        Value::Object(fields) => {
            let mut seen = 0;
            fields.retain(|_, _| {
                seen += 1;
                seen <= MAX_ITEMS
            });
            for (name, value) in fields {
                let name = name.to_lowercase();
                if SECRET_WORDS.iter().any(|word| name.contains(word)) {
                    *value = Value::String("(removed)".to_owned());
                } else {
                    redact(value);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redacted_text(text: &str) -> String {
    // Some providers send JSON in a text.
    if let Ok(mut inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
        redact(&mut inner);
        return inner.to_string();
    }
    if let Ok(mut url) = Url::parse(text)
        && url.has_host()
    {
        url.set_query(url.query().map(|_| "removed"));
        url.set_fragment(None);
        // Fails only for URLs that cannot have a user.
        let _ = (url.set_username(""), url.set_password(None));
        return url.to_string();
    }
    let cut: String = text.chars().take(MAX_TEXT_CHARS).collect();
    if cut.len() < text.len() { cut + "…" } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_signatures_of_links_are_removed() {
        let body = br#"{"code":200,"apiKey":"k-1","param":"{\"prompt\":\"a-cat\"}","prompt":"a-dog","data":{"taskId":"t","info":"{\"resultImageUrl\":\"https://u:p@cdn.example/a.png?sig=s3cret#x\"}"}}"#;
        let redacted = redacted(body);
        for secret in ["k-1", "s3cret", "u:p", "a-cat", "a-dog"] {
            assert!(!redacted.contains(secret), "{secret} in {redacted}");
        }
        assert!(redacted.contains("https://cdn.example/a.png?removed"), "{redacted}");
        assert!(redacted.contains("\"taskId\":\"t\""), "{redacted}");
    }

    #[test]
    fn large_bodies_are_cut_and_others_are_left_out() {
        let long = format!("{{\"text\":\"{}\"}}", "é".repeat(5_000));
        assert_eq!(
            redacted(long.as_bytes()).chars().count(),
            300 + "{\"text\":\"…\"}".chars().count()
        );
        let many = format!("[{}1]", "1,".repeat(9_000));
        assert_eq!(redacted(many.as_bytes()).matches('1').count(), 50);
        assert_eq!(redacted(b"token=abc"), "\"(not JSON)\"");
        assert_eq!(redacted(b""), "");
    }
}

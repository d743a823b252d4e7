//! Prints results: JSON for programs, tables for people.

use serde_json::Value;

/// JSON, or the text for people, each with a line break at the end.
pub(super) fn print(json: bool, value: &Value, text: impl FnOnce() -> String) -> String {
    if json { format!("{value:#}\n") } else { text() }
}

/// The lines, each with a line break at its end.
pub(super) fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

/// The text without control characters, which could change what a terminal shows.
pub(super) fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// A table whose columns are as wide as their widest cell.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let safe = |row: &Vec<String>| row.iter().map(|cell| printable(cell)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(safe).collect();
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(header.to_vec());
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

/// A time span as people say it, such as `3 min`.
pub(super) fn duration(seconds: i64) -> String {
    match seconds {
        ..0 => "0 s".to_owned(),
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "é".to_owned()], vec!["long".to_owned(), "b".to_owned()]];
        assert_eq!(table(&["x", "name"], &rows), "x     name\na     é\nlong  b\n");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let rows = [vec!["a\u{1b}[31m\nb".to_owned()]];
        assert_eq!(table(&["x"], &rows), "x\na\u{fffd}[31m\u{fffd}b\n");
    }

    #[test]
    fn durations_have_one_unit() {
        let texts = [-1, 119, 120, 7_199, 7_200, 200_000].map(duration);
        assert_eq!(texts, ["0 s", "119 s", "2 min", "119 min", "2 h", "2 days"]);
    }
}

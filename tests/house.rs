//! The house: who may use whom, and what is derived from the code is up to date.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The room of a file: the module at the top of the crate.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The names after `crate::` in a file.
fn uses(text: &str) -> impl Iterator<Item = String> {
    text.split("crate::").skip(1).filter_map(|rest| {
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        name.chars().next().is_some_and(char::is_lowercase).then_some(name)
    })
}

/// Rows of a table in ARCHITECTURE.md: the first cell and the words in backticks of the second.
fn table(heading: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let section = text.split(heading).nth(1).unwrap_or_else(|| panic!("no section {heading}"));
    let rows = section.lines().skip_while(|line| !line.starts_with("| `"));
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            let words = |cell: &str| -> Vec<String> {
                cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
            };
            (words(cells[1]).remove(0), words(cells[2]).into_iter().collect())
        })
        .collect()
}

fn check(heading: &str, names: impl Fn(&str) -> BTreeSet<String>) {
    let allowed = table(heading);
    let mut found: BTreeMap<String, BTreeSet<String>> =
        allowed.keys().map(|room| (room.clone(), BTreeSet::new())).collect();
    for path in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let room = room(&path);
        let mut used = names(&text);
        used.remove(&room);
        found.entry(room).or_default().extend(used);
    }
    for ignored in ["lib", "main"] {
        found.remove(ignored);
    }
    assert_eq!(found, allowed, "left: the code; right: ARCHITECTURE.md, {heading}");
}

#[test]
fn each_room_uses_the_rooms_that_the_table_shows() {
    check("## Who may use whom", |text| uses(text).collect());
}

#[test]
fn each_framework_stays_in_its_room() {
    let frameworks = [
        "async_graphql",
        "axum",
        "sqlx",
        "reqwest",
        "object_store",
        "jsonwebtoken",
        "apollo_compiler",
        "rmcp",
        "schemars",
    ];
    let named = |text: &str, framework: &str| {
        text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains(&format!("{framework}::"))
        })
    };
    check("## Where frameworks live", |text| {
        frameworks.iter().filter(|each| named(text, each)).map(|each| (*each).to_owned()).collect()
    });
}

#[test]
fn the_schema_file_is_what_the_code_prints() {
    let file = fs::read_to_string(root().join("schema.graphql")).unwrap();
    assert!(file == plantain::graphql::sdl(), "run `make schema` and commit schema.graphql");
}

#[test]
fn no_file_is_too_long_to_hold_in_the_head() {
    for path in rust_files(&root().join("src")) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
}

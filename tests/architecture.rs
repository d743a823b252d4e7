//! Tests that modules import only what ARCHITECTURE.md allows, and that schema.graphql is up to date.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// Crates that only some modules may use.
const FRAMEWORKS: [&str; 15] = [
    "apollo_compiler",
    "async_graphql",
    "async_nats",
    "axum",
    "graphql_engine",
    "jsonwebtoken",
    "object_store",
    "opentelemetry",
    "plantain_dev_postgres",
    "plantain_simulator",
    "prometheus_client",
    "reqwest",
    "rmcp",
    "schemars",
    "sqlx",
];

type Table = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_with(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_with(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files_with(folder, "rs")
}

/// Every Rust file of `src` and `crates`.
fn all_files() -> Vec<PathBuf> {
    [rust_files(&root().join("src")), rust_files(&root().join("crates"))].concat()
}

/// The top-level module that a file of `src` belongs to.
fn module(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Collects the first two segments of every path outside of tests.
#[derive(Default)]
struct Paths(BTreeSet<(String, Option<String>)>);

impl Paths {
    fn of(path: &Path) -> Self {
        let mut paths = Self::default();
        if !path.ends_with("tests.rs") {
            paths.visit_file(&syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap());
        }
        paths
    }

    /// Modules of this crate.
    fn modules(&self) -> impl Iterator<Item = String> {
        let inside = self.0.iter().filter(|(first, _)| first == "crate");
        inside
            .filter_map(|(_, second)| second.clone())
            .filter(|name| name.starts_with(char::is_lowercase))
    }

    /// Crates of [`FRAMEWORKS`].
    fn frameworks(&self) -> impl Iterator<Item = String> {
        let first = self.0.iter().map(|(first, _)| first.as_str());
        first.filter(|name| FRAMEWORKS.contains(name)).map(str::to_owned)
    }

    fn add_tree(&mut self, tree: &syn::UseTree, first: Option<&str>) {
        match (tree, first) {
            (syn::UseTree::Group(group), _) => {
                group.items.iter().for_each(|tree| self.add_tree(tree, first));
            }
            (syn::UseTree::Path(path), None) => {
                self.add_tree(&path.tree, Some(&path.ident.to_string()));
            }
            (tree, first) => {
                let name = match tree {
                    syn::UseTree::Path(path) => Some(path.ident.to_string()),
                    syn::UseTree::Name(name) => Some(name.ident.to_string()),
                    syn::UseTree::Rename(rename) => Some(rename.ident.to_string()),
                    _ => None,
                };
                match first {
                    Some(first) => self.0.insert((first.to_owned(), name)),
                    None => name.is_some_and(|name| self.0.insert((name, None))),
                };
            }
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.add_tree(&item.tree, None);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut names = path.segments.iter().map(|segment| segment.ident.to_string());
        if let (Some(first), second @ Some(_)) = (names.next(), names.next()) {
            self.0.insert((first, second));
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let list = syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated;
        if attribute.path().is_ident("derive") {
            attribute.parse_args_with(list).unwrap().iter().for_each(|path| self.visit_path(path));
        }
        syn::visit::visit_attribute(self, attribute);
    }
}

/// Rows of a table in ARCHITECTURE.md: the first cell and the words in backticks of the second.
fn table(heading: &str) -> Table {
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

fn assert_table(heading: &str, names: impl Fn(&Paths) -> BTreeSet<String>) {
    let mut found = Table::new();
    for path in rust_files(&root().join("src")) {
        let module = module(&path);
        let mut used = names(&Paths::of(&path));
        used.remove(&module);
        found.entry(module).or_default().extend(used);
    }
    for crate_root in ["lib", "main"] {
        found.remove(crate_root);
    }
    let rows = found.iter().map(|(module, used)| {
        let names: Vec<String> = used.iter().map(|name| format!("`{name}`")).collect();
        format!("| `{module}` | {} |", names.join(" ")).replace("|  |", "| |")
    });
    let rows: Vec<String> = rows.collect();
    let expected = table(heading);
    assert!(
        found == expected,
        "ARCHITECTURE.md is outdated; the table below \"{heading}\" must be:\n{}",
        rows.join("\n")
    );
}

#[test]
fn each_module_imports_what_the_table_lists() {
    assert_table("## Who may import whom", |paths| paths.modules().collect());
}

#[test]
fn each_framework_is_used_where_the_table_lists_it() {
    assert_table("## Where frameworks are used", |paths| paths.frameworks().collect());
}

#[test]
fn the_graphql_engine_knows_nothing_of_plantain() {
    let folder = root().join("crates/graphql-engine");
    for path in [rust_files(&folder), files_with(&folder, "toml")].concat() {
        let text = fs::read_to_string(&path).unwrap().to_lowercase();
        let word = ["plantain", "gateway"].into_iter().find(|word| text.contains(word));
        assert_eq!(word, None, "{}", path.display());
    }
}

#[test]
fn the_schema_file_matches_the_code() {
    let file = fs::read_to_string(root().join("schema.graphql")).unwrap();
    assert!(file == plantain::graphql::sdl(), "run `make schema` and commit schema.graphql");
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for path in all_files() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
}

/// Every Markdown file of the repository's own pages.
fn pages() -> Vec<PathBuf> {
    let mut pages = files_with(&root().join("docs"), "md");
    pages.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    pages
}

#[test]
fn every_relative_link_of_a_page_leads_to_a_file() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            let is_external = path.contains(':') || path.is_empty();
            let target = page.parent().unwrap().join(path);
            assert!(is_external || target.exists(), "{}: {link}", page.display());
        }
    }
}

#[test]
fn every_file_that_a_walkthrough_names_exists() {
    let walkthroughs = files_with(&root().join("docs/walkthroughs"), "md");
    assert_eq!(walkthroughs.len(), 5);
    for page in walkthroughs {
        let text = fs::read_to_string(&page).unwrap();
        let prose = text.split("```").step_by(2);
        let code = prose.flat_map(|prose| prose.split('`').skip(1).step_by(2));
        let paths: Vec<&str> = code.filter(|text| text.contains('/')).collect();
        assert!(paths.len() > 3, "{} names {} files", page.display(), paths.len());
        for path in paths {
            assert!(root().join(path).exists(), "{} names {path}", page.display());
        }
    }
}

/// Types of libraries that the documents name only to say why we do not use them.
const OTHER_NAMES: [&str; 2] = ["OpaqueCursor", "RequestBodyLimitLayer"];

#[test]
fn every_name_of_code_in_a_document_exists() {
    let folders = ["src", "crates", "tests/gateway", "benches"];
    let mut files: Vec<_> =
        folders.iter().flat_map(|folder| rust_files(&root().join(folder))).collect();
    files.push(root().join("schema.graphql"));
    let code: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let words: BTreeSet<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    // The guide for clients names types of their libraries.
    for page in pages().iter().filter(|page| !page.ends_with("docs/clients.md")) {
        let text = fs::read_to_string(page).unwrap();
        for name in text.split('`').skip(1).step_by(2).filter(|name| is_type_or_path(name)) {
            let exists = name.split("::").all(|part| words.contains(part));
            assert!(exists || OTHER_NAMES.contains(&name), "{} names {name}", page.display());
        }
    }
}

/// Whether a text is the name of a type, such as `TaskRow`, or a path, such as `store::record`.
fn is_type_or_path(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let is_pascal_case = text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.contains(|c: char| c.is_ascii_lowercase())
        && text[1..].contains(|c: char| c.is_ascii_uppercase());
    text.split("::").all(is_word) && (text.contains("::") || is_pascal_case)
}

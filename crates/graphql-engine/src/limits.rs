//! Limits on the size and the depth of documents.

use std::collections::HashMap;

use apollo_compiler::ast::{Definition, DirectiveList, Document, FragmentDefinition, Selection};

use super::request_error::RequestError;

/// Maximum nesting of selections, values and types. It also ends the traversal of cyclic fragments.
pub(crate) const MAX_NESTING: usize = 100;
/// Maximum length of an alias: each error in its field repeats it.
const MAX_ALIAS_BYTES: usize = 255;
/// Maximum number of `__schema` and `__type` in a document: each can return the entire schema.
const MAX_INTROSPECTIONS: usize = 5;

/// Limits of one operation. Requests of ordinary clients stay far below each of them.
///
#[derive(Debug, Clone, Copy)]
pub struct OperationLimits {
    /// Maximum number of lexical tokens in a document, whitespace and comments included.
    pub tokens: usize,
    /// Maximum depth of nested fields.
    pub depth: usize,
    /// Maximum number of fields and fragments in a document. A fragment counts at each spread.
    pub fields: usize,
    /// Maximum number of aliases in a document. Those of a fragment count at each spread.
    pub aliases: usize,
    /// Maximum number of root fields of an operation.
    pub root_fields: usize,
    /// Maximum number of directives in a document. Those of a fragment count at each spread.
    pub directives: usize,
    /// Maximum estimated number of values in the response, by the requested page sizes.
    pub cost: usize,
    /// Maximum size of a response, in bytes.
    pub response_bytes: usize,
}

/// Rejects a document that exceeds a limit, before it is validated against the schema.
///
/// # Errors
/// The first limit that is exceeded.
pub(crate) fn check(document: &Document, limits: &OperationLimits) -> Result<(), RequestError> {
    let fragments = document.definitions.iter().filter_map(|definition| match definition {
        Definition::FragmentDefinition(fragment) => Some((fragment.name.as_str(), &**fragment)),
        _ => None,
    });
    let mut checker =
        LimitChecker { limits, fragments: fragments.collect(), counts: Counts::default() };
    for definition in &document.definitions {
        if let Definition::OperationDefinition(operation) = definition {
            checker.counts.root_fields = 0;
            checker.directives(&operation.directives)?;
            checker.selections(&operation.selection_set, 1, 0)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Counts {
    fields: usize,
    aliases: usize,
    root_fields: usize,
    directives: usize,
    introspections: usize,
}

struct LimitChecker<'a> {
    limits: &'a OperationLimits,
    fragments: HashMap<&'a str, &'a FragmentDefinition>,
    counts: Counts,
}

impl<'a> LimitChecker<'a> {
    /// Stops at the first exceeded limit: the limit on fields also limits the traversal.
    fn selections(
        &mut self,
        selections: &'a [Selection],
        depth: usize,
        nesting: usize,
    ) -> Result<(), RequestError> {
        enforce("depth", depth, self.limits.depth)?;
        enforce("nesting", nesting, MAX_NESTING)?;
        for selection in selections {
            self.counts.fields += 1;
            enforce("fields", self.counts.fields, self.limits.fields)?;
            self.selection(selection, depth, nesting + 1)?;
        }
        Ok(())
    }

    fn selection(
        &mut self,
        selection: &'a Selection,
        depth: usize,
        nesting: usize,
    ) -> Result<(), RequestError> {
        match selection {
            Selection::Field(field) => {
                self.directives(&field.directives)?;
                self.counts.aliases += usize::from(field.alias.is_some());
                enforce("aliases", self.counts.aliases, self.limits.aliases)?;
                let alias = field.alias.as_ref().map_or(0, apollo_compiler::Name::len);
                enforce("aliasLength", alias, MAX_ALIAS_BYTES)?;
                self.counts.root_fields += usize::from(depth == 1);
                enforce("rootFields", self.counts.root_fields, self.limits.root_fields)?;
                let is_introspection = matches!(field.name.as_str(), "__schema" | "__type");
                self.counts.introspections += usize::from(is_introspection);
                enforce("introspections", self.counts.introspections, MAX_INTROSPECTIONS)?;
                match field.selection_set.as_slice() {
                    [] => Ok(()),
                    selections => self.selections(selections, depth + 1, nesting),
                }
            }
            Selection::InlineFragment(fragment) => {
                self.directives(&fragment.directives)?;
                self.selections(&fragment.selection_set, depth, nesting)
            }
            Selection::FragmentSpread(spread) => {
                self.directives(&spread.directives)?;
                match self.fragments.get(spread.fragment_name.as_str()) {
                    Some(fragment) => self.selections(&fragment.selection_set, depth, nesting),
                    None => Ok(()),
                }
            }
        }
    }

    fn directives(&mut self, directives: &DirectiveList) -> Result<(), RequestError> {
        self.counts.directives += directives.len();
        enforce("directives", self.counts.directives, self.limits.directives)
    }
}

/// Rejects a count above its limit.
pub(crate) fn enforce(name: &'static str, count: usize, limit: usize) -> Result<(), RequestError> {
    if count > limit { Err(RequestError::exceeded(name, limit)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: OperationLimits = OperationLimits {
        tokens: 0,
        depth: 3,
        fields: 8,
        aliases: 2,
        root_fields: 3,
        directives: 2,
        cost: 0,
        response_bytes: 0,
    };

    fn exceeded(query: &str) -> Option<String> {
        let request_error = check(&Document::parse(query, "query").unwrap(), &LIMITS).err()?;
        let extensions = request_error.errors("")[0]["extensions"].clone();
        assert_eq!(extensions["code"], "LIMIT_EXCEEDED");
        Some(format!("{} {}", extensions["bound"].as_str().unwrap(), extensions["limit"]))
    }

    #[test]
    fn a_document_within_the_limits_is_accepted() {
        assert_eq!(exceeded("{ a { b { c } } d: e }"), None);
        assert_eq!(exceeded("{ ...f } fragment f on T { a { b { c @x } } }"), None);
    }

    #[test]
    fn an_exceeded_limit_is_named_with_its_value() {
        let cases = [
            ("{ a { b { c { d } } } }", "depth 3"),
            ("{ a { ...f } } fragment f on T { b { ... on T { c { d } } } }", "depth 3"),
            ("{ a { b b b b b b b b } }", "fields 8"),
            ("{ a { ...f ...f ...f } } fragment f on T { b c }", "fields 8"),
            ("{ x: a { y: b z: c } }", "aliases 2"),
            ("{ a b c d }", "rootFields 3"),
            ("{ ...f c d } fragment f on T { a b }", "rootFields 3"),
            ("query @p { a @x @y }", "directives 2"),
            ("{ a { __type __type __type __type __type __schema } }", "introspections 5"),
            ("{ ... @x { ...f @y } } fragment f on T { a @z }", "directives 2"),
        ];
        for (query, limit) in cases {
            assert_eq!(exceeded(query).as_deref(), Some(limit), "{query}");
        }
    }

    #[test]
    fn a_long_alias_is_rejected() {
        assert_eq!(exceeded(&format!("{{ {}: a }}", "x".repeat(255))), None);
        let rejected = exceeded(&format!("{{ {}: a }}", "x".repeat(256)));
        assert_eq!(rejected.as_deref(), Some("aliasLength 255"));
    }

    #[test]
    fn nested_fragments_are_limited() {
        let limits = OperationLimits { fields: 1_000, ..LIMITS };
        let nested =
            |times| format!("{}a{}", "{ ... ".repeat(times) + "{ ", " }".repeat(times + 1));
        let check = |times| check(&Document::parse(nested(times), "query").unwrap(), &limits);
        assert!(check(MAX_NESTING).is_ok());
        let request_error = check(MAX_NESTING + 1).unwrap_err().errors("");
        assert_eq!(request_error[0]["extensions"]["bound"], "nesting");
    }

    #[test]
    fn cyclic_fragments_are_rejected() {
        assert!(exceeded("{ ...f } fragment f on T { ...f }").is_some());
        assert!(
            exceeded("{ ...f } fragment f on T { ...g } fragment g on T { ...f ...f }").is_some()
        );
    }

    #[test]
    fn root_fields_are_counted_per_operation() {
        assert_eq!(exceeded("query a { a b c } query b { a b c }"), None);
    }
}

//! How large a document may be, whatever it asks for.

use std::collections::HashMap;

use apollo_compiler::ast::{Definition, DirectiveList, Document, FragmentDefinition, Selection};

use super::refusal::Refusal;

/// Selections, values and types within each other; fragments that are deeper hide a cycle.
pub(super) const MAX_NESTING: usize = 100;
/// `__schema` and `__type` in one document: each may ask for the whole schema.
const MAX_INTROSPECTIONS: usize = 5;

/// What one operation may ask for. Each bound is far above what a client needs, and far below what an
/// attacker needs.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Words, signs, spaces and comments in a document.
    pub tokens: usize,
    /// Fields within fields.
    pub depth: usize,
    /// Fields and fragments, each spread counted as often as it is used.
    pub fields: usize,
    /// Fields that are given another name.
    pub aliases: usize,
    /// Fields of the query, mutation or subscription itself.
    pub root_fields: usize,
    /// Directives on fields and fragments.
    pub directives: usize,
    /// Values that the answer may hold, by the sizes of the pages that are asked for.
    pub cost: usize,
    /// Bytes of an answer.
    pub answer_bytes: usize,
}

/// Refuses a document that is larger than the bounds permit, before it is compared with the schema.
///
/// # Errors
/// The first bound that is passed.
pub(super) fn check(document: &Document, bounds: &Bounds) -> Result<(), Refusal> {
    let fragments = document.definitions.iter().filter_map(|definition| match definition {
        Definition::FragmentDefinition(fragment) => Some((fragment.name.as_str(), &**fragment)),
        _ => None,
    });
    let mut walk = Walk { bounds, fragments: fragments.collect(), counted: Counted::default() };
    for definition in &document.definitions {
        if let Definition::OperationDefinition(operation) = definition {
            walk.counted.root_fields = 0;
            walk.directives(&operation.directives)?;
            walk.selections(&operation.selection_set, 1, 0)?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Counted {
    fields: usize,
    aliases: usize,
    root_fields: usize,
    directives: usize,
    introspections: usize,
}

struct Walk<'a> {
    bounds: &'a Bounds,
    fragments: HashMap<&'a str, &'a FragmentDefinition>,
    counted: Counted,
}

impl<'a> Walk<'a> {
    /// Ends early: the bound on fields also bounds the walk.
    fn selections(
        &mut self,
        selections: &'a [Selection],
        depth: usize,
        nesting: usize,
    ) -> Result<(), Refusal> {
        within("depth", depth, self.bounds.depth)?;
        within("nesting", nesting, MAX_NESTING)?;
        for selection in selections {
            self.counted.fields += 1;
            within("fields", self.counted.fields, self.bounds.fields)?;
            self.selection(selection, depth, nesting + 1)?;
        }
        Ok(())
    }

    fn selection(
        &mut self,
        selection: &'a Selection,
        depth: usize,
        nesting: usize,
    ) -> Result<(), Refusal> {
        match selection {
            Selection::Field(field) => {
                self.directives(&field.directives)?;
                self.counted.aliases += usize::from(field.alias.is_some());
                within("aliases", self.counted.aliases, self.bounds.aliases)?;
                self.counted.root_fields += usize::from(depth == 1);
                within("rootFields", self.counted.root_fields, self.bounds.root_fields)?;
                let asks_for_schema = matches!(field.name.as_str(), "__schema" | "__type");
                self.counted.introspections += usize::from(asks_for_schema);
                within("introspections", self.counted.introspections, MAX_INTROSPECTIONS)?;
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

    fn directives(&mut self, directives: &DirectiveList) -> Result<(), Refusal> {
        self.counted.directives += directives.len();
        within("directives", self.counted.directives, self.bounds.directives)
    }
}

/// Refuses a count above its bound.
pub(super) fn within(bound: &'static str, count: usize, limit: usize) -> Result<(), Refusal> {
    if count > limit { Err(Refusal::exceeded(bound, limit)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        tokens: 0,
        depth: 3,
        fields: 8,
        aliases: 2,
        root_fields: 3,
        directives: 2,
        cost: 0,
        answer_bytes: 0,
    };

    fn exceeded(query: &str) -> Option<String> {
        let refusal = check(&Document::parse(query, "query").unwrap(), &BOUNDS).err()?;
        let extensions = refusal.errors("")[0]["extensions"].clone();
        assert_eq!(extensions["code"], "LIMIT_EXCEEDED");
        Some(format!("{} {}", extensions["bound"].as_str().unwrap(), extensions["limit"]))
    }

    #[test]
    fn what_is_within_the_bounds_passes() {
        assert_eq!(exceeded("{ a { b { c } } d: e }"), None);
        assert_eq!(exceeded("{ ...f } fragment f on T { a { b { c @x } } }"), None);
    }

    #[test]
    fn each_bound_is_named_with_its_value() {
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
        for (query, bound) in cases {
            assert_eq!(exceeded(query).as_deref(), Some(bound), "{query}");
        }
    }

    #[test]
    fn fragments_within_each_other_are_bounded_as_well() {
        let bounds = Bounds { fields: 1_000, ..BOUNDS };
        let nested =
            |times| format!("{}a{}", "{ ... ".repeat(times) + "{ ", " }".repeat(times + 1));
        let check = |times| check(&Document::parse(nested(times), "query").unwrap(), &bounds);
        assert!(check(MAX_NESTING).is_ok());
        let refusal = check(MAX_NESTING + 1).unwrap_err().errors("");
        assert_eq!(refusal[0]["extensions"]["bound"], "nesting");
    }

    #[test]
    fn fragments_that_contain_themselves_end() {
        assert!(exceeded("{ ...f } fragment f on T { ...f }").is_some());
        assert!(
            exceeded("{ ...f } fragment f on T { ...g } fragment g on T { ...f ...f }").is_some()
        );
    }

    #[test]
    fn each_operation_has_its_own_root_fields() {
        assert_eq!(exceeded("query a { a b c } query b { a b c }"), None);
    }
}

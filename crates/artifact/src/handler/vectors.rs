//! How a handler makes vectors of token states, as far as reading it tells.

use std::collections::HashSet;

use tree_sitter::Node;

use super::PoolsBy;
use super::functions::Scope;
use super::source::{Below, Source, any, children, walk};

/// What was seen in the functions that are used.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) normalizes: bool,
    poolings: Vec<PoolsBy>,
    uses_model: bool,
}

impl Seen {
    /// Looks at one function or class.
    pub(super) fn look<'t>(&mut self, source: Source<'t>, top: Node<'t>) {
        let scope = Scope::of(source, top.child_by_field_name("body").unwrap_or(top));
        let made = Made::of(source, &scope);
        walk(top, |node, _| {
            match node.kind() {
                "call" => self.look_at_call(source, node),
                "subscript" if is_first_token(source, node) => self.poolings.push(PoolsBy::Cls),
                "binary_operator" => self.look_at_division(source, node, &made),
                "keyword_argument"
                    if source.field(node, "name") == Some("normalize_embeddings") =>
                {
                    self.normalizes |= source.field(node, "value") == Some("True");
                }
                _ => {}
            }
            Below::Visit
        });
    }

    /// Returns the pooling, if all that was seen is one.
    pub(super) fn pooling(mut self) -> PoolsBy {
        self.poolings.dedup();
        match self.poolings.as_slice() {
            [] if self.uses_model => PoolsBy::Model,
            [pooling] if !self.uses_model => *pooling,
            _ => PoolsBy::Unknown,
        }
    }

    fn look_at_call<'t>(&mut self, source: Source<'t>, call: Node<'t>) {
        match source.called(call).unwrap_or_default() {
            "normalize" | "normalize_embeddings" => self.normalizes = true,
            "mean" if is_over_tokens(source, call) => self.poolings.push(PoolsBy::Mean),
            "max" | "amax" if is_over_tokens(source, call) => self.poolings.push(PoolsBy::Max),
            "SentenceTransformer" => self.uses_model = true,
            _ => {}
        }
    }

    /// A sum over a number of tokens is a mean, and a vector over its length is normalized.
    fn look_at_division<'t>(&mut self, source: Source<'t>, node: Node<'t>, made: &Made<'t>) {
        let [left, operator, right] =
            ["left", "operator", "right"].map(|field| node.child_by_field_name(field));
        let (Some(left), Some(operator), Some(right)) = (left, operator, right) else { return };
        if source.text(operator) != "/" {
            return;
        }
        let comes_from = |value: Node<'t>, names: &[&str]| {
            let variable = source.text(value);
            names
                .iter()
                .any(|name| made.0.contains(&(variable, name)) || calls(source, value, name))
        };
        if comes_from(right, &["norm"]) {
            self.normalizes = true;
        } else if comes_from(left, &["sum"]) && comes_from(right, &["sum", "clamp"]) {
            self.poolings.push(PoolsBy::Mean);
        }
    }
}

/// Which variables are made by calls of which functions.
struct Made<'t>(HashSet<(&'t str, &'static str)>);

impl<'t> Made<'t> {
    fn of(source: Source<'t>, scope: &Scope<'t>) -> Self {
        let mut made = HashSet::new();
        for (variable, values) in &scope.assigned {
            for name in ["sum", "clamp", "norm"] {
                if values.iter().any(|value| calls(source, *value, name)) {
                    made.insert((*variable, name));
                }
            }
        }
        Self(made)
    }
}

/// Returns whether something is called by that name in an expression.
fn calls<'t>(source: Source<'t>, top: Node<'t>, name: &str) -> bool {
    any(top, |node| node.kind() == "call" && source.called(node) == Some(name))
}

/// Returns whether a reduction is over the second dimension, that of tokens.
fn is_over_tokens<'t>(source: Source<'t>, call: Node<'t>) -> bool {
    let arguments = call.child_by_field_name("arguments").map(children).unwrap_or_default();
    let is_second = |text: &str| matches!(text, "1" | "-2");
    arguments.into_iter().any(|argument| match argument.kind() {
        "keyword_argument" => {
            matches!(source.field(argument, "name"), Some("dim" | "axis"))
                && source.field(argument, "value").is_some_and(is_second)
        }
        _ => is_second(source.text(argument)),
    })
}

/// Returns whether a subscript is `[:, 0]` or `[:, 0, :]`.
fn is_first_token<'t>(source: Source<'t>, node: Node<'t>) -> bool {
    let mut cursor = node.walk();
    let parts = node.children_by_field_name("subscript", &mut cursor);
    let parts: Vec<&str> = parts.map(|part| source.text(part)).collect();
    matches!(parts.as_slice(), [":", "0"] | [":", "0", ":"])
}

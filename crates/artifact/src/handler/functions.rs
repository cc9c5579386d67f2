//! The functions of a handler: which there are, what each assigns and returns, and which are used.

use std::collections::{HashMap, HashSet};

use tree_sitter::Node;

use super::source::{Below, Source, any, children, line, walk};
use super::{Beyond, HandlerError};

/// The functions that SageMaker's toolkit calls, in the order of a request.
pub(super) const HANDLERS: [&str; 5] =
    ["model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn"];

/// More keys of one dict than this are not told apart: one is right, and two are wrong.
pub(super) const MAX_KEYS: usize = 4;

/// Everything that a file defines at its top.
#[derive(Debug)]
pub(super) struct Functions<'t> {
    by_name: HashMap<&'t str, Function<'t>>,
    classes: HashMap<&'t str, Node<'t>>,
    /// What the file itself assigns.
    pub(super) top: Scope<'t>,
}

/// One function.
#[derive(Debug)]
pub(super) struct Function<'t> {
    pub(super) node: Node<'t>,
    /// Names, as far as they are plain.
    pub(super) parameters: Vec<&'t str>,
    pub(super) scope: Scope<'t>,
}

/// What stands in a function or in the file, without the functions and classes inside.
#[derive(Debug, Default)]
pub(super) struct Scope<'t> {
    pub(super) returns: Vec<Node<'t>>,
    /// What is assigned to each name.
    pub(super) assigned: HashMap<&'t str, Vec<Node<'t>>>,
    /// The first different keys under which each name is given values, by `name[key] = …`.
    pub(super) keys: HashMap<&'t str, Vec<Node<'t>>>,
    functions: Vec<Node<'t>>,
}

impl<'t> Functions<'t> {
    /// Finds the functions, and checks that those which the toolkit calls are what they seem.
    pub(super) fn find(source: Source<'t>) -> Result<Self, HandlerError> {
        let top = Scope::of(source, source.module());
        if let Some(stray) = top.returns.first() {
            return Err(HandlerError::Syntax { line: line(*stray) });
        }
        let mut functions =
            Self { by_name: HashMap::new(), classes: HashMap::new(), top: Scope::default() };
        for statement in children(source.module()) {
            let definition = statement.child_by_field_name("definition").unwrap_or(statement);
            let Some(name) = source.field(definition, "name") else { continue };
            match definition.kind() {
                "function_definition" => functions.add(source, name, definition)?,
                "class_definition" => {
                    functions.classes.insert(name, definition);
                }
                _ => {}
            }
        }
        functions.top = top;
        functions.check_made(source)?;
        functions.check_overlap()?;
        Ok(functions)
    }

    /// Adds a function. Of two with one name Python takes the second.
    fn add(
        &mut self,
        source: Source<'t>,
        name: &'t str,
        node: Node<'t>,
    ) -> Result<(), HandlerError> {
        let parameters = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let parameters = parameters.into_iter().filter_map(|parameter| match parameter.kind() {
            "identifier" => Some(source.text(parameter)),
            "typed_parameter" => children(parameter).first().map(|name| source.text(*name)),
            _ => source.field(parameter, "name"),
        });
        let parameters = parameters.collect();
        let body = node.child_by_field_name("body").unwrap_or(node);
        let function = Function { node, parameters, scope: Scope::of(source, body) };
        let before = self.by_name.insert(name, function);
        match (before, HANDLERS.into_iter().find(|handler| *handler == name)) {
            (Some(before), Some(name)) => Err(HandlerError::Overlap {
                line: line(node),
                name,
                other_line: line(before.node),
                other: name,
            }),
            _ => Ok(()),
        }
    }

    /// Refuses a file in which one of the toolkit's functions comes from somewhere else: a condition, an
    /// assignment or another module.
    fn check_made(&self, source: Source<'t>) -> Result<(), HandlerError> {
        for name in HANDLERS {
            let defined = self.by_name.get(name).map(|function| function.node);
            let is_other = |node: &&Node<'t>| {
                source.field(**node, "name") == Some(name) && Some(**node) != defined
            };
            let other = self.top.functions.iter().find(is_other).copied();
            let assigned = || self.top.assigned.get(name).and_then(|nodes| nodes.first().copied());
            let imported = || {
                let mut imports = children(source.module()).into_iter();
                imports.find(|statement| {
                    statement.kind().starts_with("import_")
                        && any(*statement, |node| {
                            node.kind() == "identifier" && source.text(node) == name
                        })
                })
            };
            if let Some(made) = other.or_else(assigned).or_else(imported) {
                return Err(HandlerError::Beyond { line: line(made), what: Beyond::Made(name) });
            }
        }
        Ok(())
    }

    fn check_overlap(&self) -> Result<(), HandlerError> {
        let Some(whole) = self.get("transform_fn") else { return Ok(()) };
        for part in ["input_fn", "predict_fn", "output_fn"] {
            if let Some(function) = self.get(part) {
                let mut both = [("transform_fn", line(whole.node)), (part, line(function.node))];
                both.sort_by_key(|(_, line)| *line);
                let [(other, other_line), (name, line)] = both;
                return Err(HandlerError::Overlap { line, name, other_line, other });
            }
        }
        Ok(())
    }

    /// Returns a function by its name.
    pub(super) fn get(&self, name: &str) -> Option<&Function<'t>> {
        self.by_name.get(name)
    }

    /// Returns what runs for a request: the toolkit's functions, and the functions and classes that they
    /// name, and so on.
    pub(super) fn used(&self, source: Source<'t>) -> Vec<Node<'t>> {
        let mut waiting: Vec<&str> = HANDLERS.to_vec();
        let mut seen: HashSet<&str> = HashSet::from(HANDLERS);
        let mut used = Vec::new();
        while let Some(name) = waiting.pop() {
            let function = self.by_name.get(name).map(|function| function.node);
            let Some(node) = function.or_else(|| self.classes.get(name).copied()) else { continue };
            used.push(node);
            walk(node, |node, _| {
                let name = source.text(node);
                let is_ours = node.kind() == "identifier"
                    && (self.by_name.contains_key(name) || self.classes.contains_key(name));
                if is_ours && seen.insert(name) {
                    waiting.push(name);
                }
                Below::Visit
            });
        }
        used
    }
}

impl<'t> Scope<'t> {
    pub(super) fn of(source: Source<'t>, top: Node<'t>) -> Self {
        let mut scope = Self::default();
        walk(top, |node, _| {
            match node.kind() {
                "function_definition" => {
                    scope.functions.push(node);
                    return Below::Skip;
                }
                "class_definition" | "lambda" => return Below::Skip,
                "return_statement" => scope.returns.push(node),
                "assignment" | "named_expression" => scope.assign(source, node),
                _ => {}
            }
            Below::Visit
        });
        scope
    }

    fn assign(&mut self, source: Source<'t>, node: Node<'t>) {
        let [to, value] =
            if node.kind() == "assignment" { ["left", "right"] } else { ["name", "value"] };
        let to = node.child_by_field_name(to);
        let (Some(to), Some(value)) = (to, node.child_by_field_name(value)) else { return };
        match to.kind() {
            "identifier" => self.assigned.entry(source.text(to)).or_default().push(value),
            "subscript" => {
                let name = source.field(to, "value").unwrap_or_default();
                let keys = self.keys.entry(name).or_default();
                if let Some(key) = to.child_by_field_name("subscript")
                    && keys.len() <= MAX_KEYS
                    && !keys.iter().any(|known| source.text(*known) == source.text(key))
                {
                    keys.push(key);
                }
            }
            _ => {}
        }
    }
}

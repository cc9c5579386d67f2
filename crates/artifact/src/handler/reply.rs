//! The key under which a handler replies with vectors, as far as reading it tells.

use std::collections::HashSet;

use tree_sitter::Node;

use super::functions::{Function, Functions, MAX_KEYS, Scope};
use super::source::{Source, children, line};
use super::{HandlerError, Reply, ReplyFault};

/// How many steps a value is followed: into parentheses, to what a name was given, into a function. A
/// handler needs five or so.
const MAX_STEPS: usize = 64;

/// What a function returns in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Returned {
    Reply(Reply),
    /// What it was given first.
    Given,
}

/// Finds out what a handler replies with, if it has a function that says so.
pub(super) fn find<'t>(
    source: Source<'t>,
    functions: &Functions<'t>,
) -> Result<Option<String>, HandlerError> {
    let mut replies = Vec::new();
    if functions.get("transform_fn").is_some() {
        replies.extend(returned(source, functions, "transform_fn")?);
    } else if functions.get("output_fn").is_some() {
        replies.extend(returned(source, functions, "output_fn")?);
    }
    let is_given = |reply: &(usize, Returned)| reply.1 == Returned::Given;
    let is_passed_on = replies.is_empty() || replies.iter().any(is_given);
    if is_passed_on && functions.get("predict_fn").is_some() {
        replies.extend(returned(source, functions, "predict_fn")?);
    }
    one(replies)
}

/// Returns the one reply, or says which two there are.
fn one(replies: Vec<(usize, Returned)>) -> Result<Option<String>, HandlerError> {
    let mut first: Option<(usize, Reply)> = None;
    for (line, returned) in replies {
        let Returned::Reply(reply) = returned else { continue };
        match &first {
            None => first = Some((line, reply)),
            Some((_, before)) if *before == reply => {}
            Some((first_line, before)) => {
                let (first_line, first) = (*first_line, before.clone());
                return Err(HandlerError::Replies { first_line, first, line, second: reply });
            }
        }
    }
    Ok(first.and_then(|(_, reply)| match reply {
        Reply::Key(key) => Some(key),
        Reply::Bare => None,
    }))
}

fn returned<'t>(
    source: Source<'t>,
    functions: &Functions<'t>,
    name: &'static str,
) -> Result<Vec<(usize, Returned)>, HandlerError> {
    let Some(function) = functions.get(name) else { return Ok(Vec::new()) };
    let mut reader = Reader {
        source,
        functions,
        entry: name,
        num_steps: 0,
        seen: HashSet::new(),
        followed: Vec::new(),
        found: Vec::new(),
    };
    reader.read_function(function)?;
    if reader.found.is_empty() {
        let fault = ReplyFault::Nothing(name);
        return Err(HandlerError::Reply { line: line(function.node), fault });
    }
    Ok(reader.found)
}

/// Follows what one function returns.
struct Reader<'f, 't> {
    source: Source<'t>,
    functions: &'f Functions<'t>,
    /// The function that the toolkit calls.
    entry: &'static str,
    /// How many steps led here.
    num_steps: usize,
    /// Functions and values that were followed. They say nothing new a second time.
    seen: HashSet<usize>,
    /// The values that are being followed.
    followed: Vec<usize>,
    found: Vec<(usize, Returned)>,
}

impl<'f, 't> Reader<'f, 't> {
    fn read_function(&mut self, function: &'f Function<'t>) -> Result<(), HandlerError> {
        if self.seen.insert(function.node.id()) {
            for statement in &function.scope.returns {
                if let Some(value) = children(*statement).first() {
                    self.read(*value, function)?;
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, value: Node<'t>, function: &'f Function<'t>) -> Result<(), HandlerError> {
        if self.num_steps == MAX_STEPS {
            return Err(HandlerError::TooDeep { line: line(value), allowed: MAX_STEPS });
        }
        self.num_steps += 1;
        self.read_kind(value, function)?;
        self.num_steps -= 1;
        Ok(())
    }

    fn read_kind(
        &mut self,
        value: Node<'t>,
        function: &'f Function<'t>,
    ) -> Result<(), HandlerError> {
        match value.kind() {
            "none" => Ok(()),
            "parenthesized_expression" => self.read_first(value, function),
            // A reply and its type of content.
            "expression_list" | "tuple" if self.entry != "predict_fn" => {
                self.read_first(value, function)
            }
            "conditional_expression" => match children(value).as_slice() {
                [yes, _, no] => {
                    self.read(*yes, function)?;
                    self.read(*no, function)
                }
                _ => self.bare(value),
            },
            "dictionary" => self.read_dict(value, &[], function),
            "dictionary_comprehension" => Err(fault(value, ReplyFault::UnknownKey)),
            "list" | "list_comprehension" | "tuple" | "expression_list" => {
                match children(value).first() {
                    Some(first) if first.kind() == "dictionary" => {
                        Err(fault(value, ReplyFault::Dicts))
                    }
                    _ => self.bare(value),
                }
            }
            "call" => self.read_call(value, function),
            "identifier" => self.read_name(value, function),
            _ => self.bare(value),
        }
    }

    fn read_first(
        &mut self,
        value: Node<'t>,
        function: &'f Function<'t>,
    ) -> Result<(), HandlerError> {
        match children(value).first() {
            Some(first) => self.read(*first, function),
            None => self.bare(value),
        }
    }

    fn read_call(
        &mut self,
        call: Node<'t>,
        function: &'f Function<'t>,
    ) -> Result<(), HandlerError> {
        let arguments = call.child_by_field_name("arguments").map(children).unwrap_or_default();
        let called = self.source.called(call).unwrap_or_default();
        let object = call.child_by_field_name("function").filter(|f| f.kind() == "attribute");
        let object = object.and_then(|attribute| attribute.child_by_field_name("object"));
        match (called, object) {
            // `json.dumps({…}).encode("utf-8")` and the like.
            ("encode", Some(object)) if object.kind() == "call" => self.read(object, function),
            ("encode", Some(object)) if !is_encoder(self.source.text(object)) => self.bare(call),
            ("dumps" | "encode", _) => match arguments.first() {
                Some(first) => self.read(*first, function),
                None => self.bare(call),
            },
            ("dict", None) => self.read_dict(call, &[], function),
            (name, None) => match self.functions.get(name) {
                Some(called) => self.read_function(called),
                None => self.bare(call),
            },
            _ => self.bare(call),
        }
    }

    fn read_name(
        &mut self,
        node: Node<'t>,
        function: &'f Function<'t>,
    ) -> Result<(), HandlerError> {
        let name = self.source.text(node);
        let values = function.scope.assigned.get(name).map(Vec::as_slice).unwrap_or_default();
        // In `prediction = dumps(prediction)` the second is what was there before.
        if values.iter().all(|value| self.followed.contains(&value.id())) {
            return self.given(node, function);
        }
        let later = function.scope.keys.get(name).map(Vec::as_slice).unwrap_or_default();
        for value in values {
            if !self.seen.insert(value.id()) {
                continue;
            }
            self.followed.push(value.id());
            if self.is_dict(*value) {
                self.read_dict(*value, later, function)?;
            } else {
                self.read(*value, function)?;
            }
            self.followed.pop();
        }
        Ok(())
    }

    /// Reads a name that nothing says more about: what the function was given, or anything.
    fn given(&mut self, node: Node<'t>, function: &'f Function<'t>) -> Result<(), HandlerError> {
        let name = self.source.text(node);
        if self.entry == "output_fn" && function.parameters.first() == Some(&name) {
            self.found.push((line(node), Returned::Given));
            return Ok(());
        }
        self.bare(node)
    }

    fn is_dict(&self, value: Node<'t>) -> bool {
        value.kind() == "dictionary"
            || value.kind() == "call" && self.source.field(value, "function") == Some("dict")
    }

    /// Reads `{key: …}` or `dict(key=…)`, with the keys that it is given later.
    fn read_dict(
        &mut self,
        dict: Node<'t>,
        later: &[Node<'t>],
        function: &'f Function<'t>,
    ) -> Result<(), HandlerError> {
        let own = dict.child_by_field_name("arguments").unwrap_or(dict);
        let mut keys = Vec::new();
        for key in children(own).into_iter().chain(later.iter().copied()) {
            if keys.len() > MAX_KEYS {
                break;
            }
            let said = match key.kind() {
                "keyword_argument" => self.source.field(key, "name").map(str::to_owned),
                "pair" => {
                    let key = key.child_by_field_name("key");
                    key.and_then(|key| self.literal(key, &function.scope))
                }
                _ => self.literal(key, &function.scope),
            };
            match said {
                Some(key) if !keys.contains(&key) => keys.push(key),
                Some(_) => {}
                None => return Err(fault(key, ReplyFault::UnknownKey)),
            }
        }
        self.keys(dict, keys)
    }

    /// Returns what a key says: a literal, or a name that is given one literal once.
    fn literal(&self, key: Node<'t>, scope: &Scope<'t>) -> Option<String> {
        if key.kind() != "identifier" {
            return self.source.literal(key);
        }
        let name = self.source.text(key);
        let values = scope.assigned.get(name).or_else(|| self.functions.top.assigned.get(name));
        match values.map(Vec::as_slice) {
            Some([value]) => self.source.literal(*value),
            _ => None,
        }
    }

    fn keys(&mut self, node: Node<'t>, mut keys: Vec<String>) -> Result<(), HandlerError> {
        match (keys.pop(), keys.is_empty()) {
            (Some(key), true) => {
                self.found.push((line(node), Returned::Reply(Reply::Key(key))));
                Ok(())
            }
            (Some(last), false) => {
                keys.push(last);
                let shown = keys.iter().map(|key| crate::name::shown(key.as_bytes())).collect();
                Err(fault(node, ReplyFault::SeveralKeys(shown)))
            }
            (None, _) => Err(fault(node, ReplyFault::NoKey)),
        }
    }

    fn bare(&mut self, node: Node<'t>) -> Result<(), HandlerError> {
        self.found.push((line(node), Returned::Reply(Reply::Bare)));
        Ok(())
    }
}

/// SageMaker's toolkits call so what writes a reply; a model's `encode` is something else.
fn is_encoder(object: &str) -> bool {
    matches!(object, "encoder" | "decoder_encoder")
}

fn fault(node: Node<'_>, fault: ReplyFault) -> HandlerError {
    HandlerError::Reply { line: line(node), fault }
}

//! A handler as a syntax tree whose size and depth are bounded.
//!
//! The parser keeps its state on the heap, so that no nesting overflows a stack; what walks the tree
//! after it may recurse, since the depth is checked here.

use std::ops::ControlFlow;

use tree_sitter::{Node, ParseOptions, ParseState, Parser, Tree};

use super::HandlerError;

/// The most bytes that are read. Handlers have a few thousand.
const MAX_BYTES: usize = 1 << 20;

/// The deepest node of the tree. A statement of a real handler reaches some 30.
const MAX_DEPTH: usize = 256;

/// The most reports of progress that parsing may take. One comes each hundred operations, and a file of
/// a megabyte of ordinary lines takes some 35,000, which is a second.
const MAX_STEPS: u32 = 60_000;

/// The same after a syntax error, from which recovering can be slow.
const MAX_STEPS_AFTER_ERROR: u32 = 2_000;

/// The text of a handler.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'t> {
    text: &'t str,
    tree: &'t Tree,
}

/// Parses a text that is not too long.
pub(super) fn parse(text: &str) -> Result<Tree, HandlerError> {
    let bytes = text.as_bytes();
    if bytes.len() > MAX_BYTES {
        return Err(HandlerError::TooLong { bytes: bytes.len(), allowed: MAX_BYTES });
    }
    check_brackets(text)?;
    let mut parser = Parser::new();
    let language = tree_sitter_python::LANGUAGE.into();
    parser.set_language(&language).expect("the grammar is of a version that the library reads");
    let (mut num_steps, mut num_after_error, mut offset) = (0, 0, 0);
    let mut progress = |state: &ParseState| {
        num_steps += 1;
        num_after_error += u32::from(state.has_error());
        offset = state.current_byte_offset();
        if num_steps > MAX_STEPS || num_after_error > MAX_STEPS_AFTER_ERROR {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let mut read = |offset: usize, _| bytes.get(offset..).unwrap_or_default();
    let tree = parser.parse_with_options(&mut read, None, Some(options));
    tree.ok_or_else(|| {
        let before = &bytes[..offset.min(bytes.len())];
        HandlerError::Syntax { line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
    })
}

/// Checks that not too many brackets are open at once, wherever they stand. From thousands of them the
/// parser takes seconds to recover at the end, and says nothing of it on the way.
fn check_brackets(text: &str) -> Result<(), HandlerError> {
    let mut num_open = 0usize;
    for (number, line) in text.lines().enumerate() {
        for byte in line.bytes() {
            match byte {
                b'(' | b'[' | b'{' => num_open += 1,
                b')' | b']' | b'}' => num_open = num_open.saturating_sub(1),
                _ => {}
            }
            if num_open > MAX_DEPTH {
                return Err(HandlerError::TooDeep { line: number + 1, allowed: MAX_DEPTH });
            }
        }
    }
    Ok(())
}

impl<'t> Source<'t> {
    /// Checks that the tree is of Python 3 and not too deep.
    pub(super) fn check(text: &'t str, tree: &'t Tree) -> Result<Self, HandlerError> {
        let mut cursor = tree.walk();
        let mut depth = 0;
        loop {
            let node = cursor.node();
            // The grammar has Python 2's statements as well, and blocks without any.
            let is_no_python = match node.kind() {
                "print_statement" | "exec_statement" => true,
                "block" => children(node).is_empty(),
                _ => false,
            };
            if node.is_error() || node.is_missing() || is_no_python {
                return Err(HandlerError::Syntax { line: line(node) });
            }
            if depth > MAX_DEPTH {
                return Err(HandlerError::TooDeep { line: line(node), allowed: MAX_DEPTH });
            }
            if cursor.goto_first_child() {
                depth += 1;
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return Ok(Self { text, tree });
                }
                depth -= 1;
            }
        }
    }

    /// Returns the whole file.
    pub(super) fn module(self) -> Node<'t> {
        self.tree.root_node()
    }

    /// Returns the text of a node.
    pub(super) fn text(self, node: Node<'_>) -> &'t str {
        &self.text[node.byte_range()]
    }

    /// Returns the text of a child, if there is one.
    pub(super) fn field(self, node: Node<'t>, name: &str) -> Option<&'t str> {
        node.child_by_field_name(name).map(|child| self.text(child))
    }

    /// Returns what a literal string says, if it is one without substitutions or escapes.
    pub(super) fn literal(self, node: Node<'t>) -> Option<String> {
        match node.kind() {
            "string" => {
                let mut content = String::new();
                for part in children(node) {
                    match part.kind() {
                        "string_start" if !self.text(part).contains(['f', 'F', 'b', 'B']) => {}
                        "string_content" if part.named_child_count() == 0 => {
                            content.push_str(self.text(part));
                        }
                        "string_end" => {}
                        _ => return None,
                    }
                }
                Some(content)
            }
            "concatenated_string" => {
                children(node).into_iter().map(|part| self.literal(part)).collect()
            }
            "parenthesized_expression" => self.literal(*children(node).first()?),
            _ => None,
        }
    }

    /// Returns the last part of the name that a call is of: `normalize` for `F.normalize(x)`.
    pub(super) fn called(self, call: Node<'t>) -> Option<&'t str> {
        let function = call.child_by_field_name("function")?;
        match function.kind() {
            "attribute" => self.field(function, "attribute"),
            "identifier" => Some(self.text(function)),
            _ => None,
        }
    }
}

/// Returns the line that a node begins on, from 1.
pub(super) fn line(node: Node<'_>) -> usize {
    node.start_position().row + 1
}

/// Returns the children that say something, without punctuation and comments.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}

/// Whether to go on below a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    Visit,
    Skip,
}

/// Visits a node and what is below it, in the order of the text, each with what it is to its parent.
pub(super) fn walk<'t>(top: Node<'t>, mut visit: impl FnMut(Node<'t>, Option<&'t str>) -> Below) {
    let mut cursor = top.walk();
    loop {
        if visit(cursor.node(), cursor.field_name()) == Below::Visit && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// Returns whether something holds for a node or one below it.
pub(super) fn any<'t>(top: Node<'t>, mut holds: impl FnMut(Node<'t>) -> bool) -> bool {
    let mut found = false;
    walk(top, |node, _| {
        found = found || holds(node);
        if found { Below::Skip } else { Below::Visit }
    });
    found
}

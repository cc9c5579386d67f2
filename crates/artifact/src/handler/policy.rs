//! What a handler may contain. Whatever is not on a list is refused: nothing that it does besides would
//! ever happen, and its author would not know.

use tree_sitter::Node;

use super::source::{Below, Source, children, line, walk};
use super::{Beyond, HandlerError};

/// What may be imported. The last two read requests and write replies.
const MODULES: [&str; 16] = [
    "torch",
    "torch.nn",
    "torch.nn.functional",
    "transformers",
    "sentence_transformers",
    "sentence_transformers.cross_encoder",
    "sentence_transformers.models",
    "sentence_transformers.util",
    "InstructorEmbedding",
    "numpy",
    "json",
    "typing",
    "logging",
    "math",
    "sagemaker_inference",
    "sagemaker_huggingface_inference_toolkit",
];

/// Builtins that may not be named at all, since a name can be called under another.
const BUILTINS: [&str; 10] = [
    "exec",
    "eval",
    "open",
    "compile",
    "globals",
    "locals",
    "setattr",
    "delattr",
    "breakpoint",
    "memoryview",
];

/// Builtins that may not be called. Variables are often named so.
const CALLED_BUILTINS: [&str; 5] = ["input", "vars", "help", "exit", "quit"];

/// Attributes that load other weights, write, train, generate or reach out, on whatever they are.
const ATTRIBUTES: [&str; 18] = [
    "hub",
    "load",
    "load_state_dict",
    "load_library",
    "save",
    "save_pretrained",
    "push_to_hub",
    "generate",
    "backward",
    "fit",
    "fromfile",
    "tofile",
    "memmap",
    "loadtxt",
    "savetxt",
    "savez",
    "FileHandler",
    "cpp_extension",
];

const DECORATORS: [&str; 8] = [
    "torch.no_grad()",
    "torch.no_grad",
    "torch.inference_mode()",
    "torch.inference_mode",
    "no_grad()",
    "inference_mode()",
    "staticmethod",
    "classmethod",
];

/// Methods that a class may define although their names are Python's.
const METHODS: [&str; 4] = ["__init__", "__call__", "__len__", "__getitem__"];

/// What loads a model that its first argument names.
const LOADERS: [&str; 4] = ["from_pretrained", "SentenceTransformer", "CrossEncoder", "INSTRUCTOR"];

/// Where SageMaker unpacks the model.
const MODEL_FOLDER: &str = "/opt/ml/model";

/// The constructs of Python that a handler is made of, as the grammar calls them.
const KINDS: &[&str] = &[
    "aliased_import",
    "argument_list",
    "as_pattern",
    "as_pattern_target",
    "assert_statement",
    "assignment",
    "attribute",
    "augmented_assignment",
    "binary_operator",
    "block",
    "boolean_operator",
    "break_statement",
    "call",
    "class_definition",
    "comment",
    "comparison_operator",
    "concatenated_string",
    "conditional_expression",
    "continue_statement",
    "decorated_definition",
    "decorator",
    "default_parameter",
    "delete_statement",
    "dictionary",
    "dictionary_comprehension",
    "dictionary_splat",
    "dictionary_splat_pattern",
    "dotted_name",
    "elif_clause",
    "ellipsis",
    "else_clause",
    "escape_interpolation",
    "escape_sequence",
    "except_clause",
    "expression_list",
    "expression_statement",
    "false",
    "finally_clause",
    "float",
    "for_in_clause",
    "for_statement",
    "format_expression",
    "format_specifier",
    "function_definition",
    "future_import_statement",
    "generator_expression",
    "generic_type",
    "global_statement",
    "identifier",
    "if_clause",
    "if_statement",
    "import_from_statement",
    "import_statement",
    "integer",
    "interpolation",
    "keyword_argument",
    "keyword_separator",
    "lambda",
    "lambda_parameters",
    "line_continuation",
    "list",
    "list_comprehension",
    "list_pattern",
    "list_splat",
    "list_splat_pattern",
    "member_type",
    "module",
    "named_expression",
    "none",
    "nonlocal_statement",
    "not_operator",
    "pair",
    "parameters",
    "parenthesized_expression",
    "parenthesized_list_splat",
    "pass_statement",
    "pattern_list",
    "positional_separator",
    "raise_statement",
    "return_statement",
    "set",
    "set_comprehension",
    "slice",
    "string",
    "string_content",
    "string_end",
    "string_start",
    "subscript",
    "true",
    "try_statement",
    "tuple",
    "tuple_pattern",
    "type",
    "type_conversion",
    "type_parameter",
    "typed_default_parameter",
    "typed_parameter",
    "unary_operator",
    "union_type",
    "while_statement",
    "with_clause",
    "with_item",
    "with_statement",
];

/// Checks everything in a handler, and refuses the first thing that is on no list.
pub(super) fn check(source: Source<'_>) -> Result<(), HandlerError> {
    let mut fault = None;
    walk(source.module(), |node, field| {
        if fault.is_none() {
            fault = check_node(source, node, field).err().map(|what| (line(node), what));
        }
        match node.kind() {
            _ if fault.is_some() => Below::Skip,
            // Looked at as a whole: the parts of their names are no names by themselves.
            "import_statement" | "import_from_statement" | "future_import_statement" => Below::Skip,
            _ => Below::Visit,
        }
    });
    match fault {
        Some((line, what)) => Err(HandlerError::Beyond { line, what }),
        None => Ok(()),
    }
}

/// Returns where an architecture is loaded that is not supported yet.
pub(super) fn check_architecture(source: Source<'_>) -> Result<(), HandlerError> {
    let mut found = None;
    walk(source.module(), |node, _| {
        if found.is_none() && matches!(source.text(node), "INSTRUCTOR" | "InstructorEmbedding") {
            found = Some(HandlerError::Architecture { line: line(node), name: "INSTRUCTOR" });
        }
        Below::Visit
    });
    found.map_or(Ok(()), Err)
}

fn check_node<'t>(source: Source<'t>, node: Node<'t>, field: Option<&str>) -> Result<(), Beyond> {
    match node.kind() {
        "async" => return Err(Beyond::Construct("async".to_owned())),
        kind if node.is_named() && !KINDS.contains(&kind) => {
            return Err(Beyond::Construct(kind.to_owned()));
        }
        "import_statement" => {
            for name in children(node) {
                check_module(source, imported(name))?;
            }
        }
        "import_from_statement" => check_import_from(source, node)?,
        "identifier" => check_name(source.text(node), field)?,
        "attribute" => check_attribute(source, node)?,
        "decorator" => {
            let text = source.text(node).trim_start_matches('@').trim();
            if !DECORATORS.contains(&text) {
                return Err(Beyond::Decorator(shorten(text)));
            }
        }
        "class_definition" => {
            let bases = node.child_by_field_name("superclasses").map(children).unwrap_or_default();
            let is_plain = |base: &Node<'_>| matches!(base.kind(), "identifier" | "attribute");
            if !bases.iter().all(is_plain) {
                return Err(Beyond::ClassKeywords);
            }
        }
        "keyword_argument"
            if source.field(node, "name") == Some("trust_remote_code")
                && source.field(node, "value") != Some("False") =>
        {
            return Err(Beyond::RemoteCode);
        }
        "call" => check_call(source, node)?,
        _ => {}
    }
    Ok(())
}

/// Returns the name of what is imported, without what it is called here.
fn imported(node: Node<'_>) -> Node<'_> {
    if node.kind() == "aliased_import" {
        node.child_by_field_name("name").unwrap_or(node)
    } else {
        node
    }
}

fn check_module<'t>(source: Source<'t>, module: Node<'t>) -> Result<(), Beyond> {
    let name = source.text(module);
    if MODULES.contains(&name) { Ok(()) } else { Err(Beyond::Import(shorten(name))) }
}

fn check_import_from<'t>(source: Source<'t>, node: Node<'t>) -> Result<(), Beyond> {
    let Some(module) = node.child_by_field_name("module_name") else { return Ok(()) };
    check_module(source, module)?;
    for name in children(node).into_iter().filter(|name| *name != module) {
        if name.kind() == "wildcard_import" {
            return Err(Beyond::ImportAll(source.text(module).to_owned()));
        }
        let name = source.text(imported(name));
        if ATTRIBUTES.contains(&name) || is_dunder(name) {
            return Err(Beyond::Import(format!("{}.{}", source.text(module), shorten(name))));
        }
    }
    Ok(())
}

/// Checks a name wherever it stands, whether it is read, bound, or the name of an attribute.
fn check_name(name: &str, field: Option<&str>) -> Result<(), Beyond> {
    // Python reads letters of many shapes as the plain ones.
    if !name.is_ascii() {
        return Err(Beyond::Letters);
    }
    if is_dunder(name) && name != "__name__" && !METHODS.contains(&name) {
        return Err(Beyond::Dunder(shorten(name)));
    }
    // An attribute or an argument of that name is something else.
    let is_read = !matches!(field, Some("attribute" | "name"));
    if is_read && BUILTINS.contains(&name) {
        return Err(Beyond::Builtin(name.to_owned()));
    }
    if is_read && name == "getattr" && field != Some("function") {
        return Err(Beyond::Getattr);
    }
    Ok(())
}

fn check_attribute<'t>(source: Source<'t>, node: Node<'t>) -> Result<(), Beyond> {
    let name = source.field(node, "attribute").unwrap_or_default();
    if ATTRIBUTES.contains(&name) {
        return Err(Beyond::Attribute(name.to_owned()));
    }
    let is_super =
        || source.field(node, "object").is_some_and(|object| object.starts_with("super("));
    if is_dunder(name) && !(name == "__init__" && is_super()) {
        return Err(Beyond::Dunder(shorten(name)));
    }
    Ok(())
}

fn check_call<'t>(source: Source<'t>, node: Node<'t>) -> Result<(), Beyond> {
    let Some(name) = source.called(node) else { return Ok(()) };
    let arguments = node.child_by_field_name("arguments").map(children).unwrap_or_default();
    let is_plain = node.child_by_field_name("function").is_some_and(|f| f.kind() == "identifier");
    if is_plain && CALLED_BUILTINS.contains(&name) {
        return Err(Beyond::Builtin(name.to_owned()));
    }
    if is_plain && name == "getattr" {
        let attribute = arguments.get(1).and_then(|argument| source.literal(*argument));
        let attribute = attribute.ok_or(Beyond::Getattr)?;
        if is_dunder(&attribute) {
            return Err(Beyond::Dunder(shorten(&attribute)));
        }
        if ATTRIBUTES.contains(&attribute.as_str()) {
            return Err(Beyond::Attribute(attribute));
        }
    }
    if LOADERS.contains(&name)
        && let Some(model) = arguments.first().and_then(|argument| source.literal(*argument))
        && !model.starts_with(MODEL_FOLDER)
    {
        return Err(Beyond::OtherModel(shorten(&model)));
    }
    Ok(())
}

fn is_dunder(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

/// Cuts a text of the handler such that it can be shown.
fn shorten(text: &str) -> String {
    crate::name::shown(text.as_bytes())
}

//! Why a handler was not taken.

use std::fmt;

/// A handler that was not taken. Every message names the line, where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// It is longer than any handler.
    #[error("the handler has {bytes} bytes, and at most {allowed} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The most.
        allowed: usize,
    },

    /// It is nested more deeply than any handler.
    #[error(
        "line {line} of the handler is nested more than {allowed} deep; write it in several steps"
    )]
    TooDeep {
        /// Where.
        line: usize,
        /// The most.
        allowed: usize,
    },

    /// It is not Python 3.
    #[error(
        "line {line} of the handler has a syntax error; `python3 -m py_compile inference.py` says more"
    )]
    Syntax {
        /// Where.
        line: usize,
    },

    /// It does something that would be left out without a word, since no handler is run.
    #[error(
        "line {line} of the handler {what}; a handler is read, not run, so it may only load the model, tokenize, pool, normalize and reply"
    )]
    Beyond {
        /// Where.
        line: usize,
        /// What it does.
        what: Beyond,
    },

    /// It defines two functions of which SageMaker takes one.
    #[error(
        "line {line} of the handler defines `{name}`, although line {other_line} defines `{other}`; keep one of them"
    )]
    Overlap {
        /// Where the second is.
        line: usize,
        /// The second.
        name: &'static str,
        /// Where the first is.
        other_line: usize,
        /// The first.
        other: &'static str,
    },

    /// It replies in different shapes.
    #[error(
        "the handler replies with {first} on line {first_line} and with {second} on line {line}; reply with one key, and raise an error where there is nothing to reply"
    )]
    Replies {
        /// Where the first is.
        first_line: usize,
        /// The first.
        first: Reply,
        /// Where the second is.
        line: usize,
        /// The second.
        second: Reply,
    },

    /// It replies in a shape that no endpoint has.
    #[error(
        "line {line} of the handler {fault}; reply with the vectors, or with one key that has them"
    )]
    Reply {
        /// Where.
        line: usize,
        /// What is wrong there.
        fault: ReplyFault,
    },

    /// It is for a network that is not supported yet. There is nothing else wrong with it.
    #[error(
        "line {line} of the handler loads an `{name}` model, an architecture that is not supported yet"
    )]
    Architecture {
        /// Where.
        line: usize,
        /// The class that loads it.
        name: &'static str,
    },
}

/// What a handler does beyond what handlers are read for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beyond {
    /// Imports a module that is not on the list.
    Import(String),
    /// Imports whatever a module has.
    ImportAll(String),
    /// Uses a builtin that runs text, reads files or looks into Python.
    Builtin(String),
    /// Uses an attribute that loads, writes, trains or generates.
    Attribute(String),
    /// Uses a name with two underscores on both sides.
    Dunder(String),
    /// Asks `getattr` for something other than a fixed name.
    Getattr,
    /// Has a decorator that is not on the list.
    Decorator(String),
    /// Has a class whose making can be changed.
    ClassKeywords,
    /// Loads a model by name instead of the one beside it.
    OtherModel(String),
    /// Runs code that comes with a model.
    RemoteCode,
    /// Makes a handler's function otherwise than by defining it at the top.
    Made(&'static str),
    /// Has a name in letters that Python may read as other letters.
    Letters,
    /// Has a construct of Python that is not on the list.
    Construct(String),
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Import(module) => write!(f, "imports `{module}`"),
            Self::ImportAll(module) => {
                write!(f, "imports everything from `{module}`, without naming it")
            }
            Self::Builtin(name) => write!(f, "uses the builtin `{name}`"),
            Self::Attribute(name) => write!(f, "uses `.{name}`"),
            Self::Dunder(name) => write!(f, "uses `{name}`, a name of Python's own"),
            Self::Getattr => f.write_str("uses `getattr` for other than a fixed name"),
            Self::Decorator(text) => write!(f, "has the decorator `{text}`"),
            Self::ClassKeywords => f.write_str("has a class with a metaclass or other keywords"),
            Self::OtherModel(name) => write!(f, "loads `{name}` instead of the model beside it"),
            Self::RemoteCode => f.write_str("sets `trust_remote_code`"),
            Self::Made(name) => write!(f, "makes `{name}` other than by `def` at the top"),
            Self::Letters => f.write_str("has a name with letters outside ASCII"),
            Self::Construct(kind) => write!(f, "has a `{kind}`"),
        }
    }
}

/// What a handler replies with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A dict with one key.
    Key(String),
    /// The vectors themselves, or whatever they are called there.
    Bare,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "the key `{key}`"),
            Self::Bare => f.write_str("no key"),
        }
    }
}

/// What is wrong with a reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyFault {
    /// More than one key.
    #[error("replies with several keys: {}", .0.join(", "))]
    SeveralKeys(Vec<String>),
    /// A dict without a key.
    #[error("replies with a dict that has no key")]
    NoKey,
    /// A key that only running the handler would tell.
    #[error("replies with a key that is not a literal string")]
    UnknownKey,
    /// One dict for each text.
    #[error("replies with a list of dicts")]
    Dicts,
    /// A function that returns nothing.
    #[error("defines `{0}`, which returns nothing")]
    Nothing(&'static str),
}

//! Jobs from a source to a dataset folder, and back.

#![expect(clippy::unwrap_used, reason = "a test that cannot make its case has failed")]

mod bad_input;
mod disk;
mod engine;
mod fake;
mod indexed;
mod output;
mod overwrite;
mod search;
mod stopped;

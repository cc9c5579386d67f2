//! What nobody may learn or reach who has no right to it, asked of the built program.

mod folders;
mod namespaces;
mod secrets;

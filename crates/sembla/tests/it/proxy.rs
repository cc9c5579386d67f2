//! `sembla proxy`, as its clients meet it.

mod authority;
mod bodies;
mod bounds;
mod fake_server;
mod process;
mod refusals;
mod requests;
mod served;

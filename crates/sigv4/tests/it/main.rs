//! Signatures from outside: those of botocore, those that AWS's guides print, and what is left of them once a
//! byte is another.
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod arbitrary;
mod documented;
mod refused;
mod request;
mod signed_by_botocore;
mod tampered;
mod times;

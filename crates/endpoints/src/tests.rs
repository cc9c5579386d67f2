//! The whole crate with a runtime of the mind, a real database and a clock that does not tick by
//! itself.

mod faults;
mod gateway;
mod lifecycle;
mod money;
mod world;

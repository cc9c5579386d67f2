//! The control plane and the gateway over real HTTP, with replicas that are small servers of the test.

mod access;
mod baseten;
mod control;
mod gateway;
mod native;
mod runtime;
mod sagemaker;
mod toolkit;
mod world;

//! The control plane: what was asked for, what is there, and the steps from one to the other.
//!
//! [`plan`] is pure: an endpoint, its replicas, its load and the time in, steps and a status out.
//! [`Reconciler`] reads everything afresh, asks it, and carries the steps out through a [`Runtime`].
//! [`Control`] is how servers and commands change what is asked for, and how a gateway learns where
//! requests may go. State lives in SQLite.
//!
//! Absent on purpose: HTTP, any vendor's JSON, the environment, starting processes, addresses that
//! clients are told.

mod clock;
mod control;
mod keys;
mod name;
mod planner;
mod price;
mod reconciler;
mod record;
mod replica;
mod runtime;
mod spec;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod usage;

pub use self::clock::{Clock, Moment, Now, SystemClock, Timestamp};
pub use self::control::{
    Account, Arrival, Control, ControlConfig, ControlError, Detail, Endpoint, Held, InFlight,
    NotReady, Request, Route, View, Watched,
};
pub use self::keys::{
    AuthError, Caller, Key, KeyError, KeyId, KeyRequest, LastKey, NewKey, Scope, Scopes,
    TokenBucket,
};
pub use self::name::{EndpointName, NameError, Namespace};
pub use self::planner::{
    Alarm, Case, Check, Drift, Limits, Load, Needs, Notes, Plan, Room, Step, StopReason,
    Unloadable, plan,
};
pub use self::price::{Amount, Estimate, PriceTable};
pub use self::reconciler::Reconciler;
pub use self::record::{Body, Record, Rejected, Version, Wish};
pub use self::replica::{
    Address, EndpointId, Exit, Generation, LaunchId, Phase, Replica, ReplicaKey,
};
pub use self::runtime::{ExamineError, Examined, LogLine, Runtime, RuntimeError, Start};
pub use self::spec::{
    Access, Answers, DEFAULT_IDLE, Image, ImageKind, Labels, MAX_REPLICAS, Model, Opaque,
    REPLY_KEY, Scaling, Settings, Spec, SpecError, Variables,
};
pub use self::status::{Paused, PausedBy, Slept, State, Status};
pub use self::store::StoreError;
pub use self::usage::{Meter, UsageRow, UsageTotal};

//! What goes wrong around a server of endpoints: replicas that hang, disks that take nothing, clocks that jump,
//! updates that cannot be.

mod clock;
mod disk;
mod hang;
mod latency;
mod stop;
mod updates;

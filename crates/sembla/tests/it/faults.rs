//! What goes wrong around a server of endpoints: replicas that hang, disks that take nothing, clocks that jump,
//! updates that cannot be.

mod clock;
mod disk;
mod hang;
mod latency;
mod stop;
mod updates;

use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal to a process that is no child of ours.
fn signal(process: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(process).unwrap()).unwrap(), signal).unwrap();
}

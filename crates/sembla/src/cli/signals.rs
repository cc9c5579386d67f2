//! SIGTERM and SIGINT: the first asks to stop, the second ends the process at once. SIGXFSZ: an error
//! like any other.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Makes a write beyond the limit on file sizes (`ulimit -f`) fail with an error, which names the file.
/// By itself the system's signal would end the process without a word and leave a partial output.
///
/// # Errors
///
/// If the process may not handle signals.
pub(crate) fn outlive_file_size_limit() -> anyhow::Result<()> {
    // That the signal is handled is enough: the write then returns. Nobody looks at the flag.
    flag::register(SIGXFSZ, Arc::default()).context("failed to handle SIGXFSZ")?;
    Ok(())
}

/// Returns a flag that the first signal sets, for work that looks at it now and then.
///
/// # Errors
///
/// If the process may not handle signals.
pub(crate) fn flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset and sets it, the second finds it set.
        flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Listens for signals until it is dropped.
pub(crate) struct Stop {
    task: AbortHandle,
}

// 128 + SIGINT, as shells report a process that an interrupt ended.
const INTERRUPTED: i32 = 130;

/// Starts to listen, and returns what is done at the first signal.
///
/// # Errors
///
/// If the process may not handle signals.
pub(crate) fn stop() -> anyhow::Result<(Stop, impl Future<Output = ()>)> {
    let failed = "failed to listen for signals";
    let mut interrupts = signal(SignalKind::interrupt()).context(failed)?;
    let mut terminations = signal(SignalKind::terminate()).context(failed)?;
    let (first, stopping) = oneshot::channel();
    let task = tokio::spawn(async move {
        next(&mut interrupts, &mut terminations).await;
        tracing::info!("stopping: no new requests, those under way are finished");
        let _ = first.send(());
        next(&mut interrupts, &mut terminations).await;
        tracing::warn!("stopped by a second signal");
        std::process::exit(INTERRUPTED);
    });
    let stopping = async {
        // The task cannot end without having sent.
        let _ = stopping.await;
    };
    Ok((Stop { task: task.abort_handle() }, stopping))
}

async fn next(interrupts: &mut Signal, terminations: &mut Signal) {
    tokio::select! {
        _ = interrupts.recv() => {}
        _ = terminations.recv() => {}
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.task.abort();
    }
}

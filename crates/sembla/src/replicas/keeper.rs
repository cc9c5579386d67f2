//! The life of one child process: what it writes is read, its end is noticed, and a wish to stop it is
//! carried out. One task each, which holds the child and is the only one to send it signals, so that none
//! ever reaches a process that has taken over its number.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use endpoints::{LaunchId, ReplicaKey};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::sockets::Socket;
use super::state::Inner;
use super::{http, lines};

/// What the line begins with that tells that a replica listens.
const LISTENING: &str = "listening on ";
/// How long to go on reading what an ended process wrote: it is in the pipe already.
const READ_OUT: Duration = Duration::from_secs(1);
/// How soon a replica is asked again whether it is ready. Loading a small model takes 0.3 s.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Which launch of which replica.
#[derive(Debug, Clone, Copy)]
pub(super) struct Launch {
    pub(super) key: ReplicaKey,
    pub(super) id: LaunchId,
}

/// What steers a keeper.
#[derive(Debug)]
pub(super) struct Reins {
    /// By when the replica must have ended, once it is to stop.
    pub(super) stop: watch::Receiver<Option<Instant>>,
    /// Dropped when the replica is gone.
    pub(super) gone: watch::Sender<()>,
}

/// A process, and where it listens.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) socket: Socket,
}

/// Starts a process that this one owns.
pub(super) fn spawn(mut command: Command) -> std::io::Result<Child> {
    command
        // Nothing is ever written into it: that it closes tells the replica that its owner is gone. A death
        // signal of the system would come when the thread ends that started it, not the process.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // An interrupt from a terminal is for the owner, who then stops replicas in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Keeps a child until it has ended.
pub(super) async fn keep(inner: Arc<Inner>, launch: Launch, process: Process, mut reins: Reins) {
    let Process { mut child, socket } = process;
    // Waiting for a child closes its input, which would end it.
    let owner_pipe = child.stdin.take();
    let mut readers = read(&inner, launch, &mut child, &socket);
    let status = wait(&mut child, &mut reins.stop).await;
    drop(owner_pipe);
    // A process of its own making could hold the pipes open.
    let _ = timeout(READ_OUT, async { while readers.join_next().await.is_some() {} }).await;
    let reason = match status {
        Ok(status) => in_words(status),
        Err(error) => format!("lost: {error}"),
    };
    socket.remove();
    inner.note_end(launch, reason);
    drop(reins.gone);
}

/// Reads what a child writes, and finds out when it is ready. All of it ends with what this returns.
fn read(inner: &Arc<Inner>, launch: Launch, child: &mut Child, socket: &Socket) -> JoinSet<()> {
    let mut readers = JoinSet::new();
    let (listens, listening) = oneshot::channel();
    if let Some(stdout) = child.stdout.take() {
        let inner = Arc::clone(inner);
        let mut listens = Some(listens);
        readers.spawn(lines::read(stdout, move |line| {
            if let Some(listens) = listens.take_if(|_| line.starts_with(LISTENING)) {
                // Nobody waits for it once the replica is gone.
                let _ = listens.send(());
                // That line is for us. Logs are shown to clients, whose business no folder of ours is.
                return;
            }
            inner.log(launch, line);
        }));
    }
    if let Some(stderr) = child.stderr.take() {
        let inner = Arc::clone(inner);
        readers.spawn(lines::read(stderr, move |line| inner.log(launch, line)));
    }
    // Not one of the readers, which are waited for.
    let ready = become_ready(Arc::clone(inner), launch, socket.reach.clone(), listening);
    tokio::spawn(ready);
    readers
}

/// Waits until the replica listens, then until it says that it is ready.
async fn become_ready(
    inner: Arc<Inner>,
    launch: Launch,
    socket: PathBuf,
    listening: oneshot::Receiver<()>,
) {
    let Ok(()) = listening.await else { return };
    let mut pause = FIRST_PAUSE;
    let mut is_starting = inner.note_address(launch, socket.clone());
    while is_starting {
        if http::health(&socket).await.is_ok() {
            inner.note_ready(launch);
            return;
        }
        sleep(pause).await;
        pause = pause.mul_f64(1.25).min(LONGEST_PAUSE);
        is_starting = inner.is_starting(launch);
    }
}

/// Waits for the end of a child, and brings it about when that is wished.
async fn wait(
    child: &mut Child,
    stop: &mut watch::Receiver<Option<Instant>>,
) -> std::io::Result<ExitStatus> {
    let mut is_asked = false;
    loop {
        let deadline = *stop.borrow_and_update();
        if deadline.is_some() && !is_asked {
            terminate(child);
            is_asked = true;
        }
        tokio::select! {
            status = child.wait() => return status,
            Ok(()) = stop.changed() => {}
            () = until(deadline) => {
                child.start_kill()?;
                return child.wait().await;
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Asks a child to finish what it has and to end. One that ended already has no number any more.
fn terminate(child: &Child) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let Some(pid) = id.and_then(Pid::from_raw) else { return };
    if let Err(error) = kill_process(pid, Signal::TERM) {
        tracing::warn!(%error, "a replica could not be asked to stop, and is ended by force");
    }
}

fn in_words(status: ExitStatus) -> String {
    if let Some(code) = status.code() {
        return format!("ended with exit code {code}");
    }
    match status.signal() {
        Some(9) => "killed by signal 9, as the system does when memory runs out".to_owned(),
        Some(signal) => format!("killed by signal {signal}"),
        None => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_said_in_words() {
        let rows = [
            (0, "ended with exit code 0"),
            (3 << 8, "ended with exit code 3"),
            (9, "killed by signal 9, as the system does when memory runs out"),
            (11, "killed by signal 11"),
        ];
        for (raw, words) in rows {
            assert_eq!(in_words(ExitStatus::from_raw(raw)), words);
        }
    }
}

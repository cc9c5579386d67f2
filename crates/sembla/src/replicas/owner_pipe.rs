//! The other end of the pipe: how a replica learns that its owner is gone, even by a kill.

use std::io::stdin;
use std::os::fd::AsFd as _;

use anyhow::Context as _;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;

/// Ends this process when its standard input ends. There is nobody left to answer then, and nothing to
/// keep: a replica has no state.
///
/// # Errors
///
/// If standard input is no pipe.
pub(crate) fn exit_with_owner() -> anyhow::Result<()> {
    let failed = "failed to watch standard input, which must be a pipe for --exit-with-owner";
    let pipe = stdin().as_fd().try_clone_to_owned().context(failed)?;
    let mut pipe = Receiver::from_owned_fd(pipe).context(failed)?;
    tokio::spawn(async move {
        let mut ignored = [0; 64];
        // An error means that it will never be heard of the owner again, which comes to the same.
        while pipe.read(&mut ignored).await.is_ok_and(|num_bytes| num_bytes > 0) {}
        // Without a word: whoever read the logs is gone too, and a log line that cannot be written panics.
        std::process::exit(OWNER_IS_GONE);
    });
    Ok(())
}

/// As a process that a hang-up ended: 128 + SIGHUP.
const OWNER_IS_GONE: i32 = 129;

//! What any process between a client and a replica costs: one that copies bytes from the one to the other, knows
//! no HTTP, and so wakes the fewest threads that a gateway can.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use crate::http::Connection;

/// Enough for a request or an answer of the bench at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// Connects to a replica through a relay, which ends with its connection.
pub(crate) fn connect(mut replica: UnixStream) -> anyhow::Result<Connection<TcpStream>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    client.set_nodelay(true)?;
    let (mut accepted, _) = listener.accept()?;
    accepted.set_nodelay(true)?;
    let (mut to_replica, mut to_client) = (replica.try_clone()?, accepted.try_clone()?);
    std::thread::spawn(move || copy(&mut accepted, &mut to_replica));
    std::thread::spawn(move || copy(&mut replica, &mut to_client));
    Ok(Connection::new(client))
}

// Until either side closes.
fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(num_bytes @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..num_bytes]).is_err() {
            return;
        }
    }
}

//! What the gateway adds to a replica.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::Connection;
use crate::served::{NAME, Served};
use crate::table::{Row, Table, median, milliseconds, quantile};

/// Requests one after another, to each.
const ALONE: usize = 2_000;
/// Requests at a time.
const CLIENTS: usize = 64;
/// How often each is asked by so many at a time, by turns, and how long.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(4);

/// Measures the same requests past the gateway and through it.
pub(crate) fn run(served: &Served, inputs: &[&str]) -> anyhow::Result<Table> {
    let how = format!(
        "POST /embed of one text, to the socket of the replica, through the socket of the gateway, through a relay \
         from TCP that copies bytes and through the gateway over TCP by turns; {ALONE} requests one after another, then {ROUNDS} rounds of {} s from {CLIENTS} connections",
        ROUND.as_secs()
    );
    let mut table = Table::new("gateway", how);
    let bodies: Vec<String> =
        inputs.iter().map(|text| json!({"inputs": text}).to_string()).collect();
    let through = format!("/serve/me/{NAME}/embed");
    let (mut replica, mut relay, mut gateway) =
        (served.replica()?, served.relayed()?, served.control()?);
    let mut socket = served.gateway_socket()?;
    let [mut direct, mut like, mut relayed, mut proxied] = [const { Vec::new() }; 4];
    for body in bodies.iter().cycle().take(ALONE) {
        direct.push(milliseconds(took(&mut replica, "/embed", body)?));
        like.push(milliseconds(took(&mut socket, &through, body)?));
        relayed.push(milliseconds(took(&mut relay, "/embed", body)?));
        proxied.push(milliseconds(took(&mut gateway, &through, body)?));
    }
    let alone = |name: &str, times: &[f64]| {
        Row::new(name).with("p50 ms", median(times)).with("p95 ms", quantile(times, 0.95))
    };
    table.add(alone("replica, one at a time", &direct));
    for (name, times) in [
        ("gateway's socket, one at a time", &like),
        ("relay of bytes from TCP, one at a time", &relayed),
        ("gateway over TCP, one at a time", &proxied),
    ] {
        let added: Vec<f64> = times.iter().zip(&direct).map(|(a, b)| a - b).collect();
        table.add(alone(name, times).with("added p50 ms", median(&added)));
    }

    let (mut direct, mut proxied) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        direct.push(requests_a_second(&bodies, "/embed", || served.replica())?);
        proxied.push(requests_a_second(&bodies, &through, || served.control())?);
    }
    table
        .add(Row::new(format!("replica, {CLIENTS} at a time")).with("requests/s", median(&direct)));
    let shares: Vec<f64> = proxied.iter().zip(&direct).map(|(a, b)| a / b).collect();
    table.add(
        Row::new(format!("gateway, {CLIENTS} at a time"))
            .with("requests/s", median(&proxied))
            .with("of the replica's", median(&shares)),
    );
    Ok(table)
}

fn took<S: Read + Write>(
    connection: &mut Connection<S>,
    path: &str,
    body: &str,
) -> anyhow::Result<Duration> {
    let start = Instant::now();
    connection.post(path, body)?;
    Ok(start.elapsed())
}

fn requests_a_second<S: Read + Write + Send>(
    bodies: &[String],
    path: &str,
    connect: impl Fn() -> anyhow::Result<Connection<S>>,
) -> anyhow::Result<f64> {
    let connections = (0..CLIENTS).map(|_| connect()).collect::<anyhow::Result<Vec<_>>>()?;
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    let ask = |mut connection: Connection<S>| -> anyhow::Result<()> {
        while start.elapsed() < ROUND {
            let number = next.fetch_add(1, Ordering::Relaxed);
            connection.post(path, &bodies[number % bodies.len()])?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let clients: Vec<_> =
            connections.into_iter().map(|connection| scope.spawn(|| ask(connection))).collect();
        clients.into_iter().try_for_each(|client| {
            client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    Ok(next.into_inner() as f64 / start.elapsed().as_secs_f64())
}

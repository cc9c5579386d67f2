//! Endpoints that sleep: how soon one answers, and what many cost.

use std::time::Instant;

use serde_json::json;

use crate::served::{NAME, Served, wait_for};
use crate::table::{Row, Table, median, milliseconds, quantile, time};

const ROUNDS: usize = 9;

/// Measures the first answer of an endpoint that sleeps.
pub(crate) fn wake(served: &Served, inputs: &[&str]) -> anyhow::Result<Table> {
    let how = format!(
        "the endpoint is put to sleep, its replica has ended, and a text is sent; {ROUNDS} rounds, the files \
         of the model in the system's cache"
    );
    let mut table = Table::new("from scaledToZero to the first answer", how);
    let mut control = served.control()?;
    let mut times = Vec::new();
    for text in inputs.iter().take(ROUNDS) {
        control.post(&format!("/v2/endpoint/me/{NAME}/scale-to-zero"), "")?;
        wait_for(&mut control, NAME, "scaledToZero")?;
        served.wait_for_sleep()?;
        let start = Instant::now();
        control.post(&format!("/serve/me/{NAME}/embed"), &json!({"inputs": text}).to_string())?;
        times.push(milliseconds(start.elapsed()));
    }
    let row = Row::new("first answer").with("p50 ms", median(&times));
    table.add(row.with("worst ms", quantile(&times, 1.0)));
    Ok(table)
}

/// Measures the memory of a control plane of many endpoints that sleep.
pub(crate) fn sleep(served: &Served, num: usize) -> anyhow::Result<Table> {
    let how = "each is created and put to sleep before the next; resident memory of the control plane alone";
    let mut table = Table::new(format!("{num} endpoints that sleep"), how);
    let mut control = served.control()?;
    control.post(&format!("/v2/endpoint/me/{NAME}/scale-to-zero"), "")?;
    served.wait_for_sleep()?;
    table.add(Row::new("1 endpoint").with("resident MB", served.resident()?));
    let (seconds, created) = time(|| -> anyhow::Result<()> {
        for number in 0..num {
            let name = format!("idle-{number}");
            served.create(&mut control, &name)?;
            control.post(&format!("/v2/endpoint/me/{name}/scale-to-zero"), "")?;
        }
        Ok(())
    });
    created?;
    served.wait_for_sleep()?;
    let row = Row::new(format!("{num} more")).with("resident MB", served.resident()?);
    table.add(row.with("seconds to create them", seconds));
    Ok(table)
}

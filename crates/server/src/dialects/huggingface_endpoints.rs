//! Hugging Face's Inference Endpoints: wire → what the control plane is asked, and back.
//!
//! A client is shown what it sent, so that is kept beside what was made of it.

mod look;
mod wanted;

use std::collections::BTreeSet;

use endpoints::{Amount, PriceTable, State};
use wire::huggingface_endpoints as wire;

pub(crate) use self::look::{lines_to_read, logs, logs_query, replicas};
pub(crate) use self::wanted::{changed, wanted};
use crate::address::BaseUrl;

/// Where health is if the image does not promise it elsewhere.
const HEALTH_ROUTE: &str = "/health";

/// Describes an endpoint.
pub(crate) fn endpoint(endpoint: &endpoints::Endpoint, url: &BaseUrl) -> wire::Endpoint {
    let record = &endpoint.record;
    let wanted::Kept { huggingface: asked, created_by } =
        wanted::kept(&record.body.spec, record.name.as_str());
    let health_route = record.body.spec.image.health_route.as_deref().unwrap_or(HEALTH_ROUTE);
    wire::Endpoint {
        name: asked.name,
        access: asked.access,
        health_route: health_route.to_owned(),
        account_id: asked.account_id,
        provider: asked.provider,
        compute: asked.compute,
        model: asked.model.shown,
        private_service: asked.private_service,
        route: asked.route,
        cache_http_responses: asked.cache_http_responses,
        tags: asked.tags,
        status: status(endpoint, &created_by, url),
    }
}

fn status(endpoint: &endpoints::Endpoint, created_by: &str, url: &BaseUrl) -> wire::Status {
    let (record, status) = (&endpoint.record, &endpoint.status);
    let updated_by = match &status.paused {
        Some(paused) => paused.by.to_string(),
        None => created_by.to_owned(),
    };
    let has_failed = matches!(status.state, State::Failed | State::UpdateFailed);
    wire::Status {
        created_at: timestamp(record.body.created_at),
        created_by: actor(created_by),
        updated_at: timestamp(record.body.updated_at),
        updated_by: actor(&updated_by),
        private: None,
        state: state(status.state),
        message: status.explanation(),
        error_message: has_failed.then(|| status.reason.clone()),
        ready_replica: status.ready_replicas,
        target_replica: status.target_replicas,
        last_used_at: endpoint.last_used.map(timestamp),
        url: answers(status).then(|| url.endpoint(record)),
    }
}

// 0.20.3 waits for the URL alone, so it comes with the first ready replica. One that sleeps answers too.
fn answers(status: &endpoints::Status) -> bool {
    match status.state {
        State::Running | State::ScaledToZero => true,
        State::Updating | State::UpdateFailed => status.ready_replicas > 0,
        State::Pending | State::Initializing | State::Paused | State::Failed => false,
    }
}

fn state(state: State) -> wire::State {
    match state {
        State::Pending => wire::State::Pending,
        State::Initializing => wire::State::Initializing,
        State::Running => wire::State::Running,
        State::Updating => wire::State::Updating,
        State::UpdateFailed => wire::State::UpdateFailed,
        State::Paused => wire::State::Paused,
        State::ScaledToZero => wire::State::ScaledToZero,
        State::Failed => wire::State::Failed,
    }
}

fn actor(name: &str) -> wire::Actor {
    wire::Actor { id: name.to_owned(), name: name.to_owned() }
}

/// Translates a moment.
pub(crate) fn timestamp(timestamp: endpoints::Timestamp) -> wire::Timestamp {
    wire::Timestamp::from_unix_ms(timestamp.millis())
}

/// Tells who asks: the owner of a namespace, who may use some others.
pub(crate) fn who_am_i(
    own: String,
    mut others: BTreeSet<String>,
    role: &str,
    key: &str,
) -> wire::WhoAmI {
    others.remove(&own);
    let organization = |name| wire::Organization { kind: "org".to_owned(), name };
    wire::WhoAmI {
        kind: "user".to_owned(),
        id: own.clone(),
        fullname: own.clone(),
        name: own,
        email: None,
        orgs: others.into_iter().map(organization).collect(),
        auth: wire::Auth {
            kind: "access_token".to_owned(),
            access_token: wire::AccessToken {
                display_name: key.to_owned(),
                role: role.to_owned(),
                created_at: wire::Timestamp::from_unix_ms(0),
            },
        },
    }
}

/// What this machine is called where clients expect a vendor and a region.
const LOCAL: &str = "local";
/// The instance type of everything that has no row in the table of prices.
const OTHERWISE: (&str, &str) = ("cpu", "x1");

/// Lists the rows of the table of prices as what endpoints can run on.
pub(crate) fn hardware(prices: &PriceTable) -> wire::HardwareList {
    let (kind, size) = OTHERWISE;
    let otherwise = hardware_of(kind, size, prices.otherwise());
    let rows = prices.rows().map(|(row, hour)| {
        let (kind, size) = row.split_once('/').unwrap_or((row, "x1"));
        hardware_of(kind, size, hour)
    });
    let mut computes: Vec<wire::Hardware> = rows.collect();
    if computes.iter().all(|row| row.id != otherwise.id) {
        computes.insert(0, otherwise);
    }
    let regions = vec![wire::Region { name: LOCAL.to_owned(), computes }];
    wire::HardwareList { vendors: vec![wire::Vendor { name: LOCAL.to_owned(), regions }] }
}

fn hardware_of(kind: &str, size: &str, hour: Amount) -> wire::Hardware {
    let is_gpu = ["nvidia", "gpu", "amd-mi"].iter().any(|gpu| kind.starts_with(gpu));
    wire::Hardware {
        id: format!("{LOCAL}-{LOCAL}-{kind}-{size}"),
        accelerator: if is_gpu { "gpu" } else { "cpu" }.to_owned(),
        instance_type: kind.to_owned(),
        instance_size: size.to_owned(),
        architecture: kind.to_owned(),
        num_accelerators: u32::from(is_gpu),
        num_cpus: None,
        // The label has none; the machine's own is not what it stands for.
        memory_gb: 0.0,
        gpu_memory_gb: None,
        price_per_hour: hour.millionths() as f64 / 1e6,
        status: wire::HardwareStatus::Available,
        quota: wire::Quota { max_accelerators: u32::MAX, used_accelerators: 0 },
    }
}

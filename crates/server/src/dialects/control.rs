//! Our own dialect of keys and costs: wire → what the control plane is asked, and back.

use endpoints::{Account, KeyRequest, Namespace, Scope, Scopes};
use wire::control as wire;

use super::bad_field;
use super::huggingface_endpoints::timestamp;
use crate::error::HttpError;

/// The longest name of a key.
const MAX_NAME: usize = 128;

/// Translates a request for a key.
///
/// # Errors
///
/// If there can be none like that; the message names the field.
pub(crate) fn key_request(request: wire::CreateKey) -> Result<KeyRequest, HttpError> {
    let num_chars = request.name.chars().count();
    if !(1..=MAX_NAME).contains(&num_chars) {
        let problem = format!("a key is called by 1 to {MAX_NAME} characters, not {num_chars}");
        return Err(bad_field("name", &problem));
    }
    let scopes = request.scopes.iter().map(|word| scope(word)).collect::<Result<Vec<_>, _>>()?;
    Ok(KeyRequest {
        name: request.name,
        scopes: Scopes::new(scopes)?,
        namespace: request.namespace.map(Namespace::try_from).transpose()?,
        tokens_per_minute: request.tokens_per_minute,
    })
}

fn scope(word: &str) -> Result<Scope, HttpError> {
    let known = [Scope::Admin, Scope::Invoke, Scope::Read];
    let found = known.into_iter().find(|scope| scope.to_string() == word);
    found.ok_or_else(|| bad_field("scopes", "a scope is one of admin, invoke and read"))
}

/// Describes a key.
pub(crate) fn key(key: endpoints::Key) -> wire::Key {
    let KeyRequest { name, scopes, namespace, tokens_per_minute } = key.request;
    wire::Key {
        id: key.id.0,
        start: key.start,
        name,
        scopes: scopes.iter().map(|scope| scope.to_string()).collect(),
        namespace: namespace.map(|namespace| namespace.to_string()),
        tokens_per_minute,
        created_at: timestamp(key.created_at),
        rotated_at: key.rotated_at.map(timestamp),
    }
}

/// Shows a key and its secret, which nobody can show again.
pub(crate) fn new_key(new: endpoints::NewKey) -> wire::NewKey {
    wire::NewKey { key: key(new.key), secret: new.secret }
}

/// Describes what was used under a name, and what its endpoint costs and may cost, if there is one.
pub(crate) fn cost(
    account: Account,
    since: endpoints::Timestamp,
    price_per_hour: Option<endpoints::Amount>,
    budget: Option<endpoints::Amount>,
) -> wire::Cost {
    let Account { total, rows } = account;
    let row = |row: endpoints::UsageRow| wire::UsageRow {
        key: row.key.map(|key| key.0),
        minute: timestamp(row.minute),
        requests: row.requests,
        tokens: row.tokens,
    };
    wire::Cost {
        since: timestamp(since),
        requests: total.requests,
        tokens: total.tokens,
        replica_minutes: total.replica_minutes,
        cost: amount(total.cost),
        price_per_hour: price_per_hour.map(amount),
        budget: budget.map(amount),
        rows: rows.into_iter().map(row).collect(),
    }
}

/// Describes what an endpoint would cost.
pub(crate) fn estimate(estimate: &endpoints::Estimate, hours: u32) -> wire::Estimate {
    wire::Estimate {
        hours,
        replica_hour: amount(estimate.replica_hour),
        least: amount(estimate.least),
        most: amount(estimate.most),
    }
}

fn amount(amount: endpoints::Amount) -> wire::Amount {
    wire::Amount { millionths: amount.millionths(), shown: amount.to_string() }
}

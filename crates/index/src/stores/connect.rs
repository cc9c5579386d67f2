//! A store by its address: the scheme says which one.

mod parts;

use std::sync::Arc;

use self::parts::{Parts, decoded};
use super::{
    ChromaConfig, ChromaStore, Hnsw, OpenSearchConfig, OpenSearchStore, PgVectorConfig,
    PgVectorStore, PineconeConfig, PineconeStore, QdrantConfig, QdrantStore,
};
use crate::error::StoreError;
use crate::store::VectorStore;

/// An address that leads to no store.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A scheme that no store has, or none.
    #[error(
        "`{scheme}` is the scheme of no store; there are postgres://, chroma+http://, qdrant+http://, opensearch+http:// and pinecone://, and those with http also with https"
    )]
    Scheme {
        /// As given; empty without one.
        scheme: String,
    },
    /// An address that lacks something.
    #[error("the address of the {store} store {problem}")]
    Address {
        /// Which store.
        store: &'static str,
        /// What it lacks or has too much.
        problem: &'static str,
    },
    /// A setting that the store does not have.
    #[error("the address of the {store} store has no setting `{name}`; it may have {known}")]
    UnknownSetting {
        /// Which store.
        store: &'static str,
        /// As given.
        name: String,
        /// Those that there are.
        known: &'static str,
    },
    /// A setting with a value that it cannot have.
    #[error("`{name}` in the address of the {store} store is {expected}, not `{value}`")]
    Setting {
        /// Which store.
        store: &'static str,
        /// Which setting.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// As given.
        value: String,
    },
    /// The store itself could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns the store of an address such as `qdrant+https://host:6333?replicas=3`. A `key` is for stores that
/// ask for one, and goes before one in the address, which other users of a machine may see.
///
/// PostgreSQL is connected to at once; stores that speak HTTP are asked with the first request.
///
/// # Errors
///
/// [`ConnectError`] if the address is none, or names a setting that the store does not have.
pub async fn connect(
    address: &str,
    key: Option<String>,
) -> Result<Arc<dyn VectorStore>, ConnectError> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    match scheme {
        "postgres" | "postgresql" => Ok(Arc::new(postgres(address, key).await?)),
        "chroma+http" | "chroma+https" => Ok(Arc::new(chroma(scheme, rest, key)?)),
        "qdrant+http" | "qdrant+https" => Ok(Arc::new(qdrant(scheme, rest, key)?)),
        "opensearch+http" | "opensearch+https" => Ok(Arc::new(opensearch(scheme, rest, key)?)),
        "pinecone" | "pinecone+http" | "pinecone+https" => {
            Ok(Arc::new(pinecone(scheme, rest, key)?))
        }
        scheme => Err(ConnectError::Scheme { scheme: scheme.to_owned() }),
    }
}

/// The connection string is PostgreSQL's own, but for one setting. The key is the password here.
async fn postgres(address: &str, key: Option<String>) -> Result<PgVectorStore, ConnectError> {
    let (base, query) = address.split_once('?').unwrap_or((address, ""));
    let (ours, theirs): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .partition(|pair| pair.starts_with("hnsw="));
    let hnsw = match ours.last().map(|pair| &pair["hnsw=".len()..]) {
        None | Some("off") => None,
        Some("on") => Some(Hnsw::usual()),
        Some(value) => {
            let (store, name, value) = ("pgvector", "hnsw", value.to_owned());
            return Err(ConnectError::Setting { store, name, expected: "`on` or `off`", value });
        }
    };
    let question = if theirs.is_empty() { "" } else { "?" };
    let url = format!("{base}{question}{}", theirs.join("&"));
    let config = PgVectorConfig { hnsw, ..PgVectorConfig::usual() };
    Ok(PgVectorStore::connect(&url, key.as_deref(), config).await?)
}

fn chroma(scheme: &str, rest: &str, key: Option<String>) -> Result<ChromaStore, ConnectError> {
    let mut parts = Parts::of("chroma", scheme, rest)?;
    let usual = ChromaConfig::local(parts.url());
    let path = std::mem::take(&mut parts.path);
    let (tenant, database) = match path.split('/').collect::<Vec<_>>()[..] {
        [""] => (usual.tenant, usual.database),
        [tenant, database] if !tenant.is_empty() && !database.is_empty() => {
            (decoded(tenant), decoded(database))
        }
        _ => return Err(parts.wrong("has a path that is not /TENANT/DATABASE")),
    };
    let token = key.or(parts.secret());
    parts.end("no settings")?;
    Ok(ChromaStore::new(&ChromaConfig {
        token,
        tenant,
        database,
        ..ChromaConfig::local(usual.url)
    }))
}

fn qdrant(scheme: &str, rest: &str, key: Option<String>) -> Result<QdrantStore, ConnectError> {
    let mut parts = Parts::of("qdrant", scheme, rest)?;
    let usual = QdrantConfig::local(parts.url_with_path());
    let config = QdrantConfig {
        api_key: key.or(parts.secret()),
        num_shards: parts.number("shards")?,
        num_replicas: parts.number("replicas")?.unwrap_or(usual.num_replicas),
        ..usual
    };
    parts.end("`shards` and `replicas`")?;
    Ok(QdrantStore::new(config))
}

/// The key is the password here.
fn opensearch(
    scheme: &str,
    rest: &str,
    key: Option<String>,
) -> Result<OpenSearchStore, ConnectError> {
    let mut parts = Parts::of("opensearch", scheme, rest)?;
    let password = key.or(parts.secret());
    let login = match (parts.user.take(), password) {
        (None, None) => None,
        (Some(user), Some(password)) => Some((user, password)),
        (Some(_), None) => return Err(parts.wrong("has a user and no password")),
        (None, Some(_)) => return Err(parts.wrong("has no user for the password")),
    };
    let config = OpenSearchConfig {
        login,
        num_shards: parts.number("shards")?,
        num_replicas: parts.number("replicas")?,
        ..OpenSearchConfig::local(parts.url_with_path())
    };
    parts.end("`shards` and `replicas`")?;
    Ok(OpenSearchStore::new(config))
}

/// Without a host it is the service; `pinecone+http` is a server that speaks its protocol.
fn pinecone(scheme: &str, rest: &str, key: Option<String>) -> Result<PineconeStore, ConnectError> {
    let is_service = scheme == "pinecone";
    let mut parts = match is_service {
        true => Parts::without_host("pinecone", rest)?,
        false => Parts::of("pinecone", scheme, rest)?,
    };
    let key = key.or(parts.secret()).ok_or_else(|| parts.wrong("needs the project's API key"))?;
    let usual = PineconeConfig::hosted(key);
    let config = PineconeConfig {
        cloud: parts.setting("cloud").unwrap_or(usual.cloud),
        region: parts.setting("region").unwrap_or(usual.region),
        url: if is_service { usual.url } else { parts.url_with_path() },
        ..usual
    };
    parts.end("`cloud` and `region`")?;
    Ok(PineconeStore::new(config))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    async fn check(address: &str, expected: Expect) {
        let connected = connect(address, None).await;
        expected.assert_eq(&match connected {
            Ok(store) => store.capabilities().name.to_owned(),
            Err(err) => err.to_string(),
        });
    }

    #[tokio::test]
    async fn the_scheme_says_which_store() {
        check("chroma+http://127.0.0.1:8000", expect!["chroma"]).await;
        check("chroma+https://:token@host/tenant/database", expect!["chroma"]).await;
        check("qdrant+http://127.0.0.1:6333?shards=6&replicas=3", expect!["qdrant"]).await;
        check("opensearch+https://admin:p%40ss@host:9200", expect!["opensearch"]).await;
        check("pinecone://:key@?region=eu-west-1", expect!["pinecone"]).await;
        check("pinecone+http://:key@127.0.0.1:8080/pinecone", expect!["pinecone"]).await;
    }

    #[tokio::test]
    async fn an_address_that_is_none_says_why() {
        check("mysql://host", expect!["`mysql` is the scheme of no store; there are postgres://, chroma+http://, qdrant+http://, opensearch+http:// and pinecone://, and those with http also with https"]).await;
        check("127.0.0.1:8000", expect!["`` is the scheme of no store; there are postgres://, chroma+http://, qdrant+http://, opensearch+http:// and pinecone://, and those with http also with https"]).await;
        check("qdrant+http://", expect!["the address of the qdrant store has no host"]).await;
        check(
            "qdrant+http://host?replicas=0",
            expect![
                "`replicas` in the address of the qdrant store is a number from 1 to 1000, not `0`"
            ],
        )
        .await;
        check("qdrant+http://host?replica=2", expect!["the address of the qdrant store has no setting `replica`; it may have `shards` and `replicas`"]).await;
        check("qdrant+http://me:key@host", expect!["the address of the qdrant store has a user, and this store knows none; write a key after a colon, as `:KEY@`"]).await;
        check(
            "chroma+http://host/tenant",
            expect!["the address of the chroma store has a path that is not /TENANT/DATABASE"],
        )
        .await;
        check(
            "opensearch+http://admin@host",
            expect!["the address of the opensearch store has a user and no password"],
        )
        .await;
        check(
            "pinecone://",
            expect!["the address of the pinecone store needs the project's API key"],
        )
        .await;
        check("pinecone://host", expect!["the address of the pinecone store has a host; another server than the service has the scheme pinecone+https"]).await;
        check(
            "postgres://127.0.0.1/x?hnsw=yes",
            expect!["`hnsw` in the address of the pgvector store is `on` or `off`, not `yes`"],
        )
        .await;
        check("postgres://127.0.0.1:1:2/x", expect!["the pgvector store failed: invalid connection string: invalid value for option `port`"]).await;
    }
}

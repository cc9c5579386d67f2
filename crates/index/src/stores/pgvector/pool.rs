//! Connections to PostgreSQL: some that are kept, more when they are needed, up to a bound.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::NAME;
use crate::error::StoreError;

/// Connections at once. A server takes 100 unless it is told otherwise, and they are processes there.
const MAX_CONNECTIONS: usize = 8;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server that went away without a word is waited for: its machine may be gone.
const SILENCE: Duration = Duration::from_secs(20);

/// Made once per connection, and emptied by each commit.
const STAGING: &str = "CREATE TEMPORARY TABLE sembla_staging \
    (id text COLLATE \"C\", embedding vector, metadata jsonb) ON COMMIT DELETE ROWS";

pub(super) struct Pool {
    config: Config,
    tls: MakeRustlsConnect,
    idle: Mutex<Vec<Session>>,
    permits: Semaphore,
}

/// One connection.
pub(super) struct Session {
    pub(super) client: Client,
    /// The type `vector`, whose number each database chooses anew.
    pub(super) vector: Type,
}

/// A connection that goes back when it is dropped, unless it is broken.
pub(super) struct Lease<'a> {
    session: Option<Session>,
    pool: &'a Pool,
    _permit: SemaphorePermit<'a>,
}

impl std::ops::Deref for Lease<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session.as_ref().expect("it is taken by the drop alone")
    }
}

impl std::ops::DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        self.session.as_mut().expect("it is taken by the drop alone")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let session = self.session.take().filter(|session| !session.client.is_closed());
        self.pool.lock().extend(session);
    }
}

impl Pool {
    /// Takes a connection string; nothing is connected yet.
    pub(super) fn new(url: &str, password: Option<&str>) -> Result<Self, StoreError> {
        let mut config = Config::from_str(url).map_err(|err| refused(&err))?;
        password.map(|password| config.password(password));
        config.get_connect_timeout().is_none().then(|| config.connect_timeout(CONNECT_TIMEOUT));
        config.get_tcp_user_timeout().is_none().then(|| config.tcp_user_timeout(SILENCE));
        config.keepalives_idle(SILENCE / 2).keepalives_interval(SILENCE / 4);
        if config.get_application_name().is_none() {
            config.application_name("sembla");
        }
        Ok(Self {
            config,
            tls: MakeRustlsConnect::new(tls_config()?),
            idle: Mutex::default(),
            permits: Semaphore::new(MAX_CONNECTIONS),
        })
    }

    /// Returns a connection, and waits while all are in use.
    pub(super) async fn lease(&self) -> Result<Lease<'_>, StoreError> {
        let permit = self.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        let idle = self.lock().pop().filter(|session| !session.client.is_closed());
        let session = match idle {
            Some(session) => session,
            None => self.connect().await?,
        };
        Ok(Lease { session: Some(session), pool: self, _permit: permit })
    }

    /// Runs statements before anything else was made in the database.
    pub(super) async fn set_up(&self, statements: &str) -> Result<(), StoreError> {
        let client = self.open().await?;
        client.batch_execute(statements).await.map_err(|err| failure(err, None))
    }

    async fn connect(&self) -> Result<Session, StoreError> {
        let client = self.open().await?;
        let failed = |err| failure(err, None);
        let vector = client.prepare("SELECT NULL::vector").await.map_err(failed)?;
        client.batch_execute(STAGING).await.map_err(failed)?;
        Ok(Session { vector: vector.columns()[0].type_().clone(), client })
    }

    async fn open(&self) -> Result<Client, StoreError> {
        let opened = self.config.connect(self.tls.clone()).await;
        let (client, connection) = opened.map_err(|err| {
            // What is kept leads to the same server.
            self.lock().clear();
            failure(err, None)
        })?;
        // It ends with the client, and whoever uses the client hears of its failure.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Mozilla's list of authorities, for connection strings that ask for TLS.
fn tls_config() -> Result<rustls::ClientConfig, StoreError> {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|err| refused(&err))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Says what an error of PostgreSQL means for a request about an index.
pub(super) fn failure(err: tokio_postgres::Error, index: Option<&str>) -> StoreError {
    let Some(code) = err.code() else {
        let is_lost = err.is_closed() || has_io_source(&err);
        if is_lost {
            return StoreError::Unavailable { store: NAME, source: Box::new(err) };
        }
        return refused(&err);
    };
    match (code, index) {
        (&SqlState::UNDEFINED_TABLE, Some(name)) => {
            StoreError::IndexNotFound { name: name.to_owned() }
        }
        (code, _) if may_pass(code) => {
            StoreError::Unavailable { store: NAME, source: Box::new(err) }
        }
        (&SqlState::CHARACTER_NOT_IN_REPERTOIRE | &SqlState::UNTRANSLATABLE_CHARACTER, _) => {
            StoreError::Unsupported { store: NAME, what: "keep or compare text with a NUL in it" }
        }
        _ => refused(&err),
    }
}

fn has_io_source(err: &tokio_postgres::Error) -> bool {
    std::error::Error::source(err).is_some_and(|source| source.is::<std::io::Error>())
}

/// Restarts, promotions, too many connections, and transactions that got into each other's way.
fn may_pass(code: &SqlState) -> bool {
    let passing = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    passing.contains(code) || code.code().starts_with("08")
}

fn refused(err: &(dyn std::error::Error + 'static)) -> StoreError {
    let mut message = err.to_string();
    if let Some(source) = err.source() {
        message = format!("{message}: {source}");
    }
    StoreError::Refused { store: NAME, status: 0, message }
}

#[cfg(test)]
mod tests {
    use super::Pool;

    #[test]
    fn a_password_goes_before_the_one_in_the_connection_string() {
        let password = |given: Option<&str>| {
            let pool = Pool::new("postgres://ada:old@127.0.0.1/vectors", given).unwrap();
            pool.config.get_password().map(<[u8]>::to_vec)
        };
        assert_eq!(password(None).as_deref(), Some(b"old".as_slice()));
        assert_eq!(password(Some("new")).as_deref(), Some(b"new".as_slice()));
    }
}

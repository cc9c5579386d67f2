//! A store elsewhere, by its address.

use std::sync::Arc;

use index::{Checked, PgVectorConfig, PgVectorStore, StoreError};

/// Connects to the store at an address.
pub(super) async fn connect(address: &str) -> Result<Checked, StoreError> {
    let store = PgVectorStore::connect(address, PgVectorConfig::usual()).await?;
    Ok(Checked::new(Arc::new(store)))
}

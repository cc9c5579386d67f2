//! What dialects keep beside the endpoints: objects of a vendor that are no endpoint of ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Control, ControlError};
use crate::store::StoredDocument;

/// All documents, by kind and name. Their dialect knows what stands in them.
#[derive(Debug, Default)]
pub(crate) struct Documents(BTreeMap<String, BTreeMap<String, Arc<Value>>>);

impl Documents {
    pub(crate) fn new(stored: Vec<StoredDocument>) -> Self {
        let mut documents = Self::default();
        for StoredDocument { kind, name, body } in stored {
            documents.put(&kind, &name, Arc::new(body));
        }
        documents
    }

    pub(crate) fn get(&self, kind: &str, name: &str) -> Option<Arc<Value>> {
        self.0.get(kind)?.get(name).cloned()
    }

    fn put(&mut self, kind: &str, name: &str, body: Arc<Value>) {
        self.0.entry(kind.to_owned()).or_default().insert(name.to_owned(), body);
    }

    fn remove(&mut self, kind: &str, name: &str) {
        self.0.get_mut(kind).and_then(|of_kind| of_kind.remove(name));
    }

    fn list(&self, kind: &str) -> Vec<(String, Arc<Value>)> {
        let of_kind = self.0.get(kind).into_iter().flatten();
        of_kind.map(|(name, body)| (name.clone(), Arc::clone(body))).collect()
    }
}

impl Control {
    /// Returns a document.
    pub fn document(&self, kind: &str, name: &str) -> Option<Arc<Value>> {
        self.shared.documents().get(kind, name)
    }

    /// Returns all documents of a kind, by name.
    pub fn documents(&self, kind: &str) -> Vec<(String, Arc<Value>)> {
        self.shared.documents().list(kind)
    }

    /// Changes a document as its only writer: `change` makes of what is there what is to be, `None` being
    /// nothing. What it returns is stored when this returns.
    ///
    /// # Errors
    ///
    /// Those of `change`, after which all is as it was, and [`ControlError::Store`].
    pub async fn change_document<T, E>(
        &self,
        kind: &str,
        name: &str,
        change: impl FnOnce(Option<&Value>) -> Result<(Option<Value>, T), E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ControlError> + Send + 'static,
    {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        let written = self.shared.write(move |shared, store| {
            let before = shared.documents().get(&kind, &name);
            let (after, returned) = match change(before.as_deref()) {
                Ok(changed) => changed,
                Err(error) => return Ok(Err(error)),
            };
            match after {
                Some(after) if before.as_deref() == Some(&after) => {}
                Some(after) => {
                    store.put_document(&kind, &name, &after)?;
                    shared.documents_mut().put(&kind, &name, Arc::new(after));
                }
                None if before.is_none() => {}
                None => {
                    store.delete_document(&kind, &name)?;
                    shared.documents_mut().remove(&kind, &name);
                }
            }
            Ok(Ok(returned))
        });
        written.await?
    }
}

//! The collections of an index: one that has the spec, and one per namespace.

use sha2::{Digest, Sha256};
use wire::chroma;

use super::{NAME, condition};
use crate::error::StoreError;
use crate::record::Namespace;
use crate::spec::{IndexChange, IndexName, IndexSpec, Metric};
use crate::stores::http::{Http, Request, escaped};
use crate::stores::status::{is_conflict, is_missing};

/// Before the name of each collection that is ours.
const PREFIX: &str = "sembla.";
/// Where the collection of an index has its spec.
const SPEC: &str = "sembla_spec";
/// Where the collection of a namespace has its name, which need not be a name for Chroma.
const NAMESPACE: &str = "sembla_namespace";
/// Collections of one page of a listing.
const PAGE: usize = 1_000;

/// The collections of one database.
#[derive(Debug)]
pub(super) struct Collections {
    http: Http,
    path: String,
}

impl Collections {
    pub(super) fn new(http: Http, tenant: &str, database: &str) -> Self {
        let (tenant, database) = (escaped(tenant), escaped(database));
        Self { http, path: format!("/tenants/{tenant}/databases/{database}/collections") }
    }

    /// The address of something that is done with a collection.
    pub(super) fn path(&self, collection: &str, verb: &str) -> String {
        format!("{}/{collection}/{verb}", self.path)
    }

    pub(super) async fn create_index(&self, spec: &IndexSpec) -> Result<(), StoreError> {
        let body = created(index_collection(&spec.name), SPEC, &spec_json(spec), spec.metric);
        let body = chroma::CreateCollection { get_or_create: false, ..body };
        let made = self.http.send(&Request::post(&*self.path, &body).once()).await;
        made.map(drop).map_err(|err| match is_conflict(&err) {
            true => StoreError::index_exists(&spec.name),
            false => err,
        })
    }

    pub(super) async fn spec(&self, index: &IndexName) -> Result<IndexSpec, StoreError> {
        let found = self.named(&index_collection(index)).await?;
        spec_of(&found.ok_or_else(|| StoreError::index_not_found(index))?)
    }

    pub(super) async fn change(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<(), StoreError> {
        let found = self.named(&index_collection(index)).await?;
        let collection = found.ok_or_else(|| StoreError::index_not_found(index))?;
        let mut spec = spec_of(&collection)?;
        spec.apply(change);
        let new_metadata = [(SPEC.to_owned(), spec_json(&spec).into())].into_iter().collect();
        let body = chroma::UpdateCollection { new_metadata };
        self.http.send(&Request::put(format!("{}/{}", self.path, collection.id), &body)).await?;
        Ok(())
    }

    /// Deletes the namespaces first: an index that is half gone is still listed and can be deleted again.
    pub(super) async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        for (namespace, _) in self.namespaces(index).await? {
            self.delete_namespace(index, &namespace).await?;
        }
        self.delete(&index_collection(index)).await
    }

    /// Empties a collection before it deletes it: see [`condition::sent`].
    pub(super) async fn delete_namespace(
        &self,
        index: &IndexName,
        namespace: &Namespace,
    ) -> Result<(), StoreError> {
        let name = namespace_collection(index, namespace);
        let Some(collection) = self.named(&name).await? else { return Ok(()) };
        let all = chroma::Delete { ids: None, condition: Some(condition::any_record()) };
        let emptied =
            self.http.send(&Request::post(self.path(&collection.id, "delete"), &all)).await;
        if let Err(err) = emptied
            && !is_missing(&err)
        {
            return Err(err);
        }
        self.delete(&name).await
    }

    /// Returns the id of a namespace's collection, if there is one.
    pub(super) async fn namespace(
        &self,
        index: &IndexName,
        namespace: &Namespace,
    ) -> Result<Option<String>, StoreError> {
        if let Some(collection) = self.named(&namespace_collection(index, namespace)).await? {
            return Ok(Some(collection.id));
        }
        self.spec(index).await.map(|_| None)
    }

    /// Returns the id of a namespace's collection, which is made if there is none.
    pub(super) async fn namespace_made(
        &self,
        index: &IndexName,
        namespace: &Namespace,
    ) -> Result<String, StoreError> {
        let metric = self.spec(index).await?.metric;
        let name = namespace_collection(index, namespace);
        let body = created(name, NAMESPACE, namespace.as_str(), metric);
        let made: chroma::Collection = self.http.json(&Request::post(&*self.path, &body)).await?;
        Ok(made.id)
    }

    /// Returns the namespaces of an index, by name, with the ids of their collections.
    pub(super) async fn namespaces(
        &self,
        index: &IndexName,
    ) -> Result<Vec<(Namespace, String)>, StoreError> {
        self.spec(index).await?;
        Ok(namespaces_among(&self.all().await?, index))
    }

    /// Returns all indexes, by name, with their namespaces.
    pub(super) async fn all_indexes(
        &self,
    ) -> Result<Vec<(IndexSpec, Vec<(Namespace, String)>)>, StoreError> {
        let all = self.all().await?;
        let mut indexes = Vec::new();
        for collection in &all {
            if collection.name.strip_prefix(PREFIX).is_some_and(|name| !name.contains('.')) {
                let spec = spec_of(collection)?;
                let namespaces = namespaces_among(&all, &spec.name);
                indexes.push((spec, namespaces));
            }
        }
        indexes.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        Ok(indexes)
    }

    /// All collections that are ours.
    async fn all(&self) -> Result<Vec<chroma::Collection>, StoreError> {
        let mut all = Vec::new();
        let mut offset = 0;
        loop {
            let path = format!("{}?limit={PAGE}&offset={offset}", self.path);
            let page: Vec<chroma::Collection> = self.http.json(&Request::get(path)).await?;
            let is_last = page.len() < PAGE;
            offset += page.len();
            all.extend(page.into_iter().filter(|collection| collection.name.starts_with(PREFIX)));
            if is_last {
                return Ok(all);
            }
        }
    }

    async fn named(&self, name: &str) -> Result<Option<chroma::Collection>, StoreError> {
        match self.http.json(&Request::get(format!("{}/{name}", self.path))).await {
            Ok(collection) => Ok(Some(collection)),
            Err(err) if is_missing(&err) => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// It is no error if somebody else was faster.
    async fn delete(&self, name: &str) -> Result<(), StoreError> {
        match self.http.send(&Request::delete(format!("{}/{name}", self.path))).await {
            Err(err) if !is_missing(&err) => Err(err),
            _ => Ok(()),
        }
    }
}

fn created(name: String, key: &str, value: &str, metric: Metric) -> chroma::CreateCollection {
    let space = match metric {
        Metric::Cosine => chroma::Space::Cosine,
        Metric::DotProduct => chroma::Space::Ip,
        Metric::Euclidean => chroma::Space::L2,
    };
    chroma::CreateCollection {
        name,
        metadata: [(key.to_owned(), value.into())].into_iter().collect(),
        configuration: chroma::Configuration { hnsw: chroma::Hnsw { space } },
        get_or_create: true,
    }
}

fn index_collection(index: &IndexName) -> String {
    format!("{PREFIX}{index}")
}

/// Names of indexes have no dot, and namespaces have any name, so that it is hashed.
fn namespace_collection(index: &IndexName, namespace: &Namespace) -> String {
    let hash = Sha256::digest(namespace.as_str());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{index}.{hex}")
}

fn namespaces_among(all: &[chroma::Collection], index: &IndexName) -> Vec<(Namespace, String)> {
    let prefix = format!("{PREFIX}{index}.");
    let ours = all.iter().filter(|collection| collection.name.starts_with(&prefix));
    let mut namespaces: Vec<(Namespace, String)> = ours
        .filter_map(|collection| {
            let name = collection.metadata.as_ref()?.get(NAMESPACE)?.as_str()?;
            Some((Namespace::new(name), collection.id.clone()))
        })
        .collect();
    namespaces.sort();
    namespaces
}

fn spec_json(spec: &IndexSpec) -> String {
    serde_json::to_string(spec).expect("a spec has string keys and no floats")
}

fn spec_of(collection: &chroma::Collection) -> Result<IndexSpec, StoreError> {
    let text = collection.metadata.as_ref().and_then(|metadata| metadata.get(SPEC)?.as_str());
    text.and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| StoreError::Refused {
        store: NAME,
        status: 0,
        message: format!("collection `{}` has no spec of an index", collection.name),
    })
}

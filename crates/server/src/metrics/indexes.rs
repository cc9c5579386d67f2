//! What is counted of indexes, once for all dialects: below the checks and above the store.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use index::{
    Capabilities, Filter, IndexChange, IndexDescription, IndexName, IndexSpec, Namespace,
    PageRequest, Query, QueryResult, Record, RecordPage, Selection, Stats, StoreError, Update,
    VectorStore, Written,
};
use metrics::Label;

use super::Metrics;
use super::registrar::Registrar;

/// A store whose queries and writes are counted.
pub(crate) struct CountedStore {
    store: Arc<dyn VectorStore>,
    metrics: Metrics,
}

impl CountedStore {
    pub(crate) fn new(store: Arc<dyn VectorStore>, metrics: Metrics) -> Self {
        Self { store, metrics }
    }
}

/// Shows how many records each index holds at this moment. A gauge would go on showing an index that
/// was deleted.
pub(crate) fn records_page(indexes: &[IndexDescription]) -> String {
    let name = "sembla_index_records";
    let mut page = format!("# HELP {name} Records of an index\n# TYPE {name} gauge\n");
    for IndexDescription { spec, num_records } in indexes {
        // A name has no character that would have to be escaped.
        let _ = writeln!(page, "{name}{{index=\"{}\"}} {num_records}", spec.name);
    }
    page
}

impl Metrics {
    fn count_query(&self, index: &IndexName, took: Duration) {
        let register = Registrar(&self.0.recorder);
        let label = label(index);
        let (name, help) = ("sembla_index_queries_total", "Queries that were answered");
        register.counter(name, help, &label).increment(1);
        let (name, help) = ("sembla_index_query_duration", "Seconds of a query in its store");
        register.labeled_histogram(name, help, &label).record(took.as_secs_f64());
    }

    fn count_records(
        &self,
        (name, help): (&'static str, &'static str),
        index: &IndexName,
        written: Written,
    ) {
        let counter = Registrar(&self.0.recorder).counter(name, help, &label(index));
        counter.increment(written.num_records);
    }
}

fn label(index: &IndexName) -> [Label; 1] {
    [Label::new("index", index.as_str().to_owned())]
}

const UPSERTED: (&str, &str) = ("sembla_index_upserted_records_total", "Records that were written");
const UPDATED: (&str, &str) = ("sembla_index_updated_records_total", "Records that were changed");
const DELETED: (&str, &str) = ("sembla_index_deleted_records_total", "Records that were deleted");

#[async_trait]
impl VectorStore for CountedStore {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn create_index(&self, spec: &IndexSpec) -> Result<(), StoreError> {
        self.store.create_index(spec).await
    }

    async fn list_indexes(&self) -> Result<Vec<IndexDescription>, StoreError> {
        self.store.list_indexes().await
    }

    async fn describe_index(&self, index: &IndexName) -> Result<IndexDescription, StoreError> {
        self.store.describe_index(index).await
    }

    async fn index_spec(&self, index: &IndexName) -> Result<IndexSpec, StoreError> {
        self.store.index_spec(index).await
    }

    async fn configure_index(
        &self,
        index: &IndexName,
        change: &IndexChange,
    ) -> Result<IndexDescription, StoreError> {
        self.store.configure_index(index, change).await
    }

    async fn delete_index(&self, index: &IndexName) -> Result<(), StoreError> {
        self.store.delete_index(index).await
    }

    async fn upsert(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        records: Vec<Record>,
    ) -> Result<Written, StoreError> {
        let written = self.store.upsert(index, namespace, records).await?;
        self.metrics.count_records(UPSERTED, index, written);
        Ok(written)
    }

    async fn update(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        update: Update,
    ) -> Result<Written, StoreError> {
        let written = self.store.update(index, namespace, update).await?;
        self.metrics.count_records(UPDATED, index, written);
        Ok(written)
    }

    async fn fetch(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        ids: &[String],
    ) -> Result<Vec<Record>, StoreError> {
        self.store.fetch(index, namespace, ids).await
    }

    async fn list(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        page: &PageRequest,
    ) -> Result<RecordPage, StoreError> {
        self.store.list(index, namespace, page).await
    }

    async fn find(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.store.find(index, namespace, filter, limit).await
    }

    async fn delete(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        selection: &Selection,
    ) -> Result<Written, StoreError> {
        let written = self.store.delete(index, namespace, selection).await?;
        self.metrics.count_records(DELETED, index, written);
        Ok(written)
    }

    async fn query(
        &self,
        index: &IndexName,
        namespace: &Namespace,
        query: &Query,
    ) -> Result<QueryResult, StoreError> {
        let began = Instant::now();
        let found = self.store.query(index, namespace, query).await?;
        self.metrics.count_query(index, began.elapsed());
        Ok(found)
    }

    async fn stats(&self, index: &IndexName, filter: Option<&Filter>) -> Result<Stats, StoreError> {
        self.store.stats(index, filter).await
    }
}

#[cfg(test)]
mod tests {
    use index::{Checked, MemoryStore};
    use serde_json::json;

    use super::*;

    fn name() -> IndexName {
        IndexName::try_from("faq").unwrap()
    }

    async fn filled(metrics: &Metrics) -> Checked {
        let store = CountedStore::new(Arc::new(MemoryStore::default()), metrics.clone());
        let checked = Checked::new(Arc::new(store));
        let create = serde_json::from_value(json!({"name": "faq", "dimensions": 1})).unwrap();
        let spec = crate::dialects::indexes::spec(create, None).unwrap();
        checked.create_index(&spec).await.unwrap();
        let record =
            |id: &str| Record { id: id.to_owned(), values: vec![1.0], ..Record::default() };
        let records = ["a", "b"].map(record).to_vec();
        checked.upsert(&name(), &Namespace::new(""), records).await.unwrap();
        checked
    }

    #[tokio::test]
    async fn what_was_done_is_counted_and_what_was_refused_is_not() {
        let metrics = Metrics::detached().unwrap();
        let checked = filled(&metrics).await;
        let everything = Namespace::new("");
        let wrong =
            vec![Record { id: "c".to_owned(), values: vec![1.0, 2.0], ..Record::default() }];
        assert!(checked.upsert(&name(), &everything, wrong).await.is_err());
        checked.delete(&name(), &everything, &Selection::All).await.unwrap();

        let page = metrics.render(std::iter::empty());
        for line in [
            r#"sembla_index_upserted_records_total{index="faq"} 2"#,
            r#"sembla_index_deleted_records_total{index="faq"} 2"#,
        ] {
            assert!(page.lines().any(|there| there == line), "no {line} in\n{page}");
        }
    }

    #[tokio::test]
    async fn the_records_of_each_index_are_shown_as_they_are() {
        let checked = filled(&Metrics::detached().unwrap()).await;
        expect_test::expect![[r#"
            # HELP sembla_index_records Records of an index
            # TYPE sembla_index_records gauge
            sembla_index_records{index="faq"} 2
        "#]]
        .assert_eq(&records_page(&checked.list_indexes().await.unwrap()));
    }
}

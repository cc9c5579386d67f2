//! The fields of a request that are given, each put where the server looks for it.

use serde_json::{Map, Value, json};
use wire::huggingface_endpoints::UpdateRequest;

/// Fields at every depth. What is not given is not there.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Sets a field, such as `compute.scaling.minReplica`, if there is a value for it.
    pub(super) fn put(&mut self, path: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            put(&mut self.0, path, value.into());
        }
    }

    /// Sets a variable of the group `env` or `secrets`. Its name may have points.
    pub(super) fn put_variable(&mut self, group: &str, name: &str, value: &str) {
        let model = self.0.entry("model").or_insert_with(|| json!({}));
        model[group][name] = Value::from(value);
    }

    /// Returns whether nothing is given.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the request to change them.
    pub(super) fn into_request(self) -> UpdateRequest {
        UpdateRequest(self.0)
    }
}

fn put(fields: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(fields.insert(path.to_owned(), value)),
        Some((first, rest)) => {
            let below = fields.entry(first).or_insert_with(|| json!({}));
            put(below.as_object_mut().expect("each path is one of objects"), rest, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::Fields;

    #[test]
    fn a_field_is_put_where_its_path_leads_and_none_where_none_is_given() {
        let mut fields = Fields::default();
        fields.put("compute.scaling.minReplica", Some(0));
        fields.put("compute.accelerator", Some("gpu"));
        fields.put("model.task", None::<String>);
        fields.put_variable("env", "A.B", "c");
        expect![[r#"{"compute":{"accelerator":"gpu","scaling":{"minReplica":0}},"model":{"env":{"A.B":"c"}}}"#]]
            .assert_eq(&serde_json::to_string(&fields.into_request()).unwrap());
    }
}

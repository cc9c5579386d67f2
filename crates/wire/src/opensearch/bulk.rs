//! `_bulk`: lines of actions, most with a document on the line after, and what became of each.

use serde::{Deserialize, Serialize};
use serde_json::Map;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Cause, Shards};

/// A line that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Writes the document of the next line, whether there is one of this id or not.
    Index(Target),
    /// Writes the document of the next line, unless there is one of this id.
    Create(Target),
    /// Changes a document as the next line says.
    Update(Target),
    /// Deletes a document. No line follows.
    Delete(Target),
}

/// Which document an action is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The index, unless the path names it.
    #[serde(default, rename = "_index", skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The id; one is made up for a new document without.
    #[serde(default, rename = "_id", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Says on which shard a document is; there is one shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<String>,
    /// How often to try again on a conflict; there are none to try again on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_on_conflict: Option<u32>,
    /// Whether `_index` must be an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_alias: Option<bool>,
}

/// The line after an `update`; also the body of `/{index}/_update/{id}`.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    /// Fields to set, objects field by field.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub doc: Option<Map<String, Value>>,
    /// Whether `doc` is the document where there is none yet.
    #[serde(default)]
    pub doc_as_upsert: bool,
    /// The document where there is none yet.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub upsert: Option<Map<String, Value>>,
    /// Whether a change that changes nothing is none; true where this is absent.
    #[serde(default)]
    pub detect_noop: Option<bool>,
}

/// Answer of `_bulk`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BulkResponse {
    /// Milliseconds.
    pub took: u64,
    /// Whether an item failed.
    pub errors: bool,
    /// One per action, in their order.
    pub items: Vec<Item>,
}

/// What became of one action, under its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// Of an `index`.
    Index(Outcome),
    /// Of a `create`.
    Create(Outcome),
    /// Of an `update`.
    Update(Outcome),
    /// Of a `delete`.
    Delete(Outcome),
}

/// What became of one action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// The index.
    #[serde(rename = "_index")]
    pub index: String,
    /// The id; none if the action named none and failed.
    #[serde(rename = "_id")]
    pub id: Option<String>,
    /// What was done, unless it failed.
    #[serde(flatten)]
    pub written: Option<Written>,
    /// The status that the action alone would have had.
    pub status: u16,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Cause>,
}

/// Answer of the routes that write one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DocumentResponse {
    /// The index.
    #[serde(rename = "_index")]
    pub index: String,
    /// The id.
    #[serde(rename = "_id")]
    pub id: String,
    /// What was done.
    #[serde(flatten)]
    pub written: Written,
}

/// What a write did to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Written {
    /// How often the document was written since it was created.
    #[serde(rename = "_version")]
    pub version: u64,
    /// The word for it.
    pub result: WriteResult,
    /// One.
    #[serde(rename = "_shards")]
    pub shards: Shards,
    /// The number of the write within its index.
    #[serde(rename = "_seq_no")]
    pub seq_no: u64,
    /// One: there never was another primary.
    #[serde(rename = "_primary_term")]
    pub primary_term: u64,
}

/// What a write did, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WriteResult {
    /// There was no such document.
    Created,
    /// There was one.
    Updated,
    /// There was one.
    Deleted,
    /// There was none to delete.
    NotFound,
    /// It was so already.
    Noop,
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn an_action_line_is_read_by_its_name() {
        let read = |line: &str| serde_json::from_str::<Action>(line);
        let target = Target {
            index: Some("i".to_owned()),
            id: Some("1".to_owned()),
            routing: Some("r".to_owned()),
            ..Target::default()
        };
        let line = r#"{"index":{"_id":"1","_index":"i","routing":"r"}}"#;
        assert_eq!(read(line).unwrap(), Action::Index(target));
        assert_eq!(read(r#"{"delete":{}}"#).unwrap(), Action::Delete(Target::default()));
        expect![[r#"unknown variant `drop`, expected one of `index`, `create`, `update`, `delete` at line 1 column 7"#]]
            .assert_eq(&read(r#"{"drop":{}}"#).unwrap_err().to_string());
        let err = read(r#"{"index":{"pipeline":"p"}}"#).unwrap_err().to_string();
        assert!(err.starts_with("unknown field `pipeline`"), "{err}");
    }

    #[test]
    fn an_item_has_what_was_done_or_why_not() {
        let written = Written {
            version: 1,
            result: WriteResult::Created,
            shards: Shards::WRITTEN,
            seq_no: 7,
            primary_term: 1,
        };
        let good = Item::Index(Outcome {
            index: "i".to_owned(),
            id: Some("1".to_owned()),
            written: Some(written),
            status: 201,
            error: None,
        });
        expect![[r#"{"index":{"_index":"i","_id":"1","_version":1,"result":"created","_shards":{"total":1,"successful":1,"failed":0},"_seq_no":7,"_primary_term":1,"status":201}}"#]]
            .assert_eq(&serde_json::to_string(&good).unwrap());
        let error =
            Some(Cause { kind: "mapper_parsing_exception".to_owned(), reason: "r".to_owned() });
        let bad = Item::Create(Outcome {
            index: "i".to_owned(),
            id: None,
            written: None,
            status: 400,
            error,
        });
        expect![[r#"{"create":{"_index":"i","_id":null,"status":400,"error":{"type":"mapper_parsing_exception","reason":"r"}}}"#]]
            .assert_eq(&serde_json::to_string(&bad).unwrap());
    }
}

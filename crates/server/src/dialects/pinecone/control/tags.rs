//! The tags of an index: the caller's own, and those that keep what only this dialect has words for.

use std::collections::BTreeMap;

use index::IndexSpec;
use jobs::{RESERVED_TAGS, TEXT_FIELD_TAG};
use wire::pinecone::Place;

use super::bad_field;
use crate::error::HttpError;

const CLOUD_TAG: &str = "sembla.cloud";
const REGION_TAG: &str = "sembla.region";
/// There if the schema of an index of dense vectors has sparse ones too.
const SPARSE_TAG: &str = "sembla.sparse_values";
const DECLARED: &str = "declared";

/// Where an index is that was created without a word about it.
const HERE: (&str, &str) = ("aws", "local");
/// The field of a record that is its text where no request said which.
pub(super) const TEXT_FIELD: &str = "text";

/// The vendor's limits: tags of an index, characters of a name and of a value.
const MAX_TAGS: usize = 20;
const MAX_NAME: usize = 80;
const MAX_VALUE: usize = 120;

/// Takes the tags of a new index.
///
/// # Errors
///
/// If one is not the caller's to set, or they are too many or too long.
pub(super) fn new(
    tags: Option<BTreeMap<String, String>>,
    place: Option<&Place>,
) -> Result<BTreeMap<String, String>, HttpError> {
    let mut tags = tags.unwrap_or_default();
    check(&tags)?;
    check_number(tags.len())?;
    if let Some(place) = place {
        tags.insert(CLOUD_TAG.to_owned(), place.cloud.clone());
        tags.insert(REGION_TAG.to_owned(), place.region.clone());
    }
    Ok(tags)
}

/// Checks tags that a request sets.
///
/// # Errors
///
/// If one is not the caller's to set, or is too long.
pub(super) fn check(tags: &BTreeMap<String, String>) -> Result<(), HttpError> {
    for (name, value) in tags {
        let is_reserved = name.starts_with(RESERVED_TAGS);
        let (name_chars, value_chars) = (name.chars().count(), value.chars().count());
        if is_reserved {
            let problem = format!("names that begin with `{RESERVED_TAGS}` are the server's");
            return Err(bad_field(format!("tags.{name}"), &problem));
        }
        if !(1..=MAX_NAME).contains(&name_chars) {
            let problem = format!("a name has 1 to {MAX_NAME} characters, not {name_chars}");
            return Err(bad_field(format!("tags.{name}"), &problem));
        }
        if value_chars > MAX_VALUE {
            let problem = format!("a value has at most {MAX_VALUE} characters, not {value_chars}");
            return Err(bad_field(format!("tags.{name}"), &problem));
        }
    }
    Ok(())
}

/// Checks how many tags an index has once these are set.
///
/// # Errors
///
/// If they are too many.
pub(crate) fn check_changed(
    spec: &IndexSpec,
    change: &BTreeMap<String, String>,
) -> Result<(), HttpError> {
    let mut tags = own(spec);
    let num_before = tags.len();
    for (name, value) in change.iter().filter(|(name, _)| is_own(name)) {
        match value.as_str() {
            "" => tags.remove(name),
            value => tags.insert(name.clone(), value.to_owned()),
        };
    }
    // What is there already may be more, from another dialect; taking some away is always right.
    if tags.len() > num_before { check_number(tags.len()) } else { Ok(()) }
}

fn check_number(num_tags: usize) -> Result<(), HttpError> {
    if num_tags <= MAX_TAGS {
        return Ok(());
    }
    let problem = format!("an index has at most {MAX_TAGS}, not {num_tags}");
    Err(bad_field("tags", &problem))
}

/// Returns the caller's own tags.
pub(super) fn own(spec: &IndexSpec) -> BTreeMap<String, String> {
    let own = spec.tags.iter().filter(|(name, _)| is_own(name));
    own.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn is_own(name: &str) -> bool {
    !name.starts_with(RESERVED_TAGS)
}

/// Returns where an index is said to be.
pub(super) fn place(spec: &IndexSpec) -> Place {
    let tag = |name, default: &str| spec.tags.get(name).map_or(default, String::as_str).to_owned();
    let (cloud, region) = (tag(CLOUD_TAG, HERE.0), tag(REGION_TAG, HERE.1));
    Place { cloud, region, source_collection: None }
}

/// Keeps that sparse vectors beside dense ones are declared.
pub(super) fn declare_sparse(tags: &mut BTreeMap<String, String>) {
    tags.insert(SPARSE_TAG.to_owned(), DECLARED.to_owned());
}

/// Returns whether sparse vectors beside dense ones are declared.
pub(super) fn declares_sparse(spec: &IndexSpec) -> bool {
    spec.tags.contains_key(SPARSE_TAG)
}

/// Returns which field of a record is its text.
pub(crate) fn text_field(spec: &IndexSpec) -> &str {
    jobs::text_field(spec).unwrap_or(TEXT_FIELD)
}

/// Keeps which field of a record is its text, as a `field_map` says it.
///
/// # Errors
///
/// If it names no such field, or others.
pub(super) fn set_text_field(
    tags: &mut BTreeMap<String, String>,
    field_map: &BTreeMap<String, String>,
) -> Result<(), HttpError> {
    let field = field_map.get(TEXT_FIELD).filter(|field| field_map.len() == 1 && !field.is_empty());
    let Some(field) = field else {
        let problem =
            "must be {\"text\": FIELD}, where FIELD is the field of a record that is embedded";
        return Err(bad_field("embed.field_map", problem));
    };
    tags.insert(TEXT_FIELD_TAG.to_owned(), field.clone());
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check_refused(name: &str, value: &str, expected: Expect) {
        let tags = [(name.to_owned(), value.to_owned())].into();
        expected.assert_eq(&check(&tags).unwrap_err().message);
    }

    #[test]
    fn a_tag_is_the_callers_and_of_the_vendors_size() {
        let longest = [("é".repeat(80), "é".repeat(120))].into();
        assert_eq!(check(&longest), Ok(()));
        check_refused("", "a", expect!["`tags.`: a name has 1 to 80 characters, not 0"]);
        check_refused(
            &"a".repeat(81),
            "a",
            expect![
                "`tags.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`: a name has 1 to 80 characters, not 81"
            ],
        );
        check_refused(
            "a",
            &"a".repeat(121),
            expect!["`tags.a`: a value has at most 120 characters, not 121"],
        );
        check_refused(
            "sembla.text_field",
            "a",
            expect!["`tags.sembla.text_field`: names that begin with `sembla.` are the server's"],
        );
    }
}

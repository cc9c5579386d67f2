//! A document as a record, and back.
//!
//! The vector is the record's. The rest of the document stays as the JSON text that was sent, under
//! `_source` in the metadata, with `null` in the vector's place, so that it comes back as it was: the
//! order of its fields and the digits of its numbers too. Beside it stands what filters look at
//! (`flatten`). All of it together is the record's metadata, which has a limit of 40 KiB.
//!
//! The floats of a vector come back as numbers equal to those sent. Most are `f32`, written in their
//! own shortest digits or in those of the `f64` of the same value; which of the two is kept in `_floats`.
//! Only a vector of other numbers stays in the text as well.

use index::{Metadata, Record, Value as Kept};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::flatten::Flattened;
use super::mapping::Mapped;

/// The document, without its vector.
const SOURCE: &str = "_source";
/// In which digits the vector was sent.
const FLOATS: &str = "_floats";
/// The document's id, for filters.
pub(super) const ID: &str = "_id";
/// How often the document was written.
const VERSION: &str = "_version";

/// Takes the text of a document as a record of an index.
///
/// # Errors
///
/// Why it cannot be one.
pub(crate) fn record(
    mapped: &Mapped,
    id: &str,
    version: u64,
    source: &str,
) -> Result<Record, String> {
    let fields = Fields::read(source)?;
    let mut flattened = Flattened::new(&mapped.keywords);
    let mut vector = None;
    for (name, value) in &fields.0 {
        if name.starts_with('_')
            && [SOURCE, FLOATS, ID, VERSION, "_objects"].contains(&name.as_str())
        {
            return Err(format!(
                "field [{name}] is one of the index's own and cannot be a document's"
            ));
        }
        if *name == mapped.vector_field {
            vector = Some(Floats::read(name, value.get())?);
        } else {
            let value: Value = serde_json::from_str(value.get())
                .map_err(|err| format!("failed to parse field [{name}]: {err}"))?;
            flattened.add(name, &value)?;
        }
    }
    let Some(Floats { values, form }) = vector else {
        return Err(format!(
            "the document has no field [{}]; every document of index [{}] needs its vector",
            mapped.vector_field, mapped.name
        ));
    };
    let mut metadata = flattened.into_metadata();
    let replaced = if form == Form::Verbatim { None } else { Some("null") };
    let text = fields.write(&mapped.vector_field, replaced);
    metadata.insert(SOURCE.to_owned(), Kept::String(text));
    metadata.insert(FLOATS.to_owned(), Kept::from(form.name()));
    metadata.insert(ID.to_owned(), Kept::from(id));
    metadata.insert(VERSION.to_owned(), Kept::Number(version as f64));
    Ok(Record { id: id.to_owned(), values, sparse: None, metadata })
}

/// Returns a record's document as it was sent.
///
/// # Errors
///
/// If the record is damaged.
pub(crate) fn source(mapped: &Mapped, record: &Record) -> Result<Box<RawValue>, String> {
    let field = &mapped.vector_field;
    let Some(Kept::String(text)) = record.metadata.get(SOURCE) else {
        return raw(foreign(field, record));
    };
    let form = match record.metadata.get(FLOATS) {
        Some(Kept::String(name)) => Form::named(name),
        _ => None,
    };
    let form =
        form.ok_or_else(|| format!("record `{}` does not say how its vector was sent", record.id))?;
    let vector = match form {
        Form::Verbatim => return raw(text.clone()),
        Form::Single => serde_json::to_string(&record.values),
        Form::Double => {
            serde_json::to_string(&record.values.iter().copied().map(f64::from).collect::<Vec<_>>())
        }
    };
    let vector = vector.expect("numbers are written without fail");
    raw(Fields::read(text)?.write(field, Some(&vector)))
}

/// Returns how often a record's document was written.
pub(crate) fn version(record: &Record) -> u64 {
    match record.metadata.get(VERSION) {
        Some(Kept::Number(version)) => *version as u64,
        _ => 1,
    }
}

// A record that another dialect wrote into the index: what it has, in the form of a document.
fn foreign(field: &str, record: &Record) -> String {
    let document: [(&str, Value); 2] = [
        (field, record.values.clone().into()),
        ("metadata", serde_json::to_value(&record.metadata).unwrap_or_default()),
    ];
    Value::from_iter(document).to_string()
}

fn raw(text: String) -> Result<Box<RawValue>, String> {
    RawValue::from_string(text).map_err(|err| format!("a document's text is no JSON: {err}"))
}

/// The fields of a document in their order, with their values as they were sent.
struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|err| format!("failed to parse the document: {err}"))
    }

    // Writes the object again, with another value for one of its fields.
    fn write(&self, field: &str, replaced: Option<&str>) -> String {
        let mut text = String::from("{");
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&Value::from(name.as_str()).to_string());
            text.push(':');
            text.push_str(replaced.filter(|_| name == field).unwrap_or(value.get()));
        }
        text.push('}');
        text
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields: Vec<(String, Box<RawValue>)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format_args!("field [{name}] comes twice")));
            }
            fields.push((name, value));
        }
        Ok(Fields(fields))
    }
}

/// How the numbers of a vector were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In the shortest digits of an `f32`.
    Single,
    /// In those of the `f64` of an `f32`.
    Double,
    /// Otherwise.
    Verbatim,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Single => "f32",
            Self::Double => "f64",
            Self::Verbatim => "text",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Single, Self::Double, Self::Verbatim].into_iter().find(|form| form.name() == name)
    }
}

struct Floats {
    values: Vec<f32>,
    form: Form,
}

impl Floats {
    fn read(field: &str, text: &str) -> Result<Self, String> {
        let sent: Vec<f64> = serde_json::from_str(text).map_err(|err| {
            format!("failed to parse field [{field}] as a list of numbers: {err}")
        })?;
        let values: Vec<f32> = sent.iter().map(|x| *x as f32).collect();
        let form = if sent.iter().zip(&values).all(|(sent, x)| shortest(*x) == Some(*sent)) {
            Form::Single
        } else if sent.iter().zip(&values).all(|(sent, x)| f64::from(*x) == *sent) {
            Form::Double
        } else {
            Form::Verbatim
        };
        Ok(Self { values, form })
    }
}

// The number that a reader of doubles makes of the shortest digits.
fn shortest(x: f32) -> Option<f64> {
    x.to_string().parse().ok()
}

/// Returns metadata without what this dialect keeps for itself, for messages about its size.
pub(crate) fn source_bytes(metadata: &Metadata) -> usize {
    match metadata.get(SOURCE) {
        Some(Kept::String(text)) => text.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;

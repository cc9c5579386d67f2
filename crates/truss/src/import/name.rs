//! What the endpoint is called.

use crate::error::ImportError;
use crate::report::Report;

/// The longest name of an endpoint.
const MAX_NAME: usize = 32;

/// Returns the given name as it is, or the file's in letters that an endpoint may have.
pub(super) fn name(
    given: Option<&str>,
    model_name: Option<String>,
    report: &mut Report,
) -> Result<String, ImportError> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let Some(model_name) = model_name else {
        return Err(ImportError::NoName { problem: "there is no model_name in the file" });
    };
    let whole = slug(&model_name);
    let cut = whole.get(..MAX_NAME).unwrap_or(&whole).trim_end_matches('-');
    if cut.is_empty() {
        let problem = "model_name has none of the letters a to z and digits that names are made of";
        return Err(ImportError::NoName { problem });
    }
    if cut.len() < whole.len() {
        report.note(format!(
            "the endpoint is called `{cut}`, since model_name has more than {MAX_NAME} letters; another \
             name is given with --name"
        ));
    }
    Ok(cut.to_owned())
}

/// Lower-case letters and digits, and one hyphen for whatever is between them.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_name_keeps_its_letters_and_digits() {
        for (text, expected) in [
            ("MiniLM", "minilm"),
            ("BGE base (EN) v1.5", "bge-base-en-v1-5"),
            ("--a__b--", "a-b"),
            ("Ünïcode", "n-code"),
            ("模型", ""),
            ("", ""),
        ] {
            assert_eq!(slug(text), expected, "{text}");
        }
    }
}

//! What users write for a model, and what it names.

use super::*;

const DIRECTORIES: &[&str] =
    &["models/minilm", "minilm", "odd=dir@v1", "./a", "sentence-transformers/local"];
const FILES: &[&str] = &["models/minilm/config.json"];

#[track_caller]
fn check(text: &str, expected: &str) {
    let look = |path: &Path| match path.to_str() {
        Some(path) if DIRECTORIES.contains(&path) => Found::Directory,
        Some(path) if FILES.contains(&path) => Found::Other,
        _ => Found::Nothing,
    };
    let got = match ModelRef::parse_with(text, &look) {
        Ok(reference) => {
            let name = reference.name.map_or(String::new(), |name| format!("{name} = "));
            match reference.place {
                Place::Directory(path) => format!("{name}directory {}", path.display()),
                Place::Hub { id, revision } => format!("{name}hub {id} {revision:?}"),
            }
        }
        Err(err) => err.to_string(),
    };
    assert_eq!(got, expected);
}

#[test]
fn a_directory_that_exists_wins() {
    check("models/minilm", "directory models/minilm");
    check("minilm", "directory minilm");
    check("sentence-transformers/local", "directory sentence-transformers/local");
    check("odd=dir@v1", "directory odd=dir@v1");
    check("small=./a", "small = directory ./a");
}

#[test]
fn an_id_may_have_a_name_and_a_revision() {
    check("bert-base-uncased", "hub bert-base-uncased None");
    check("org/name@v1.5", r#"hub org/name Some("v1.5")"#);
    check("q=org/name", "q = hub org/name None");
    check("q=org/name@refs/pr/3", r#"q = hub org/name Some("refs/pr/3")"#);
}

#[test]
fn what_has_the_form_of_a_path_is_not_looked_for_on_the_hub() {
    for text in ["./missing", "/missing", "~/missing", "missing/", "a/b/c"] {
        check(text, &format!("there is no model directory at {text}"));
    }
    check(
        "models/minilm/config.json",
        "models/minilm/config.json is not a directory; name the directory that holds config.json",
    );
}

#[test]
fn a_path_means_the_same_anywhere_or_nothing() {
    let here = env!("CARGO_MANIFEST_DIR");
    let spelled = |text: &str| {
        let parsed = ModelRef::parse_anywhere(text);
        parsed.map_or_else(|err| err.to_string(), |it| it.spelled_anywhere())
    };
    // Tests run in a folder that has these.
    assert!(ModelRef::parse("src").unwrap().spelled_anywhere().ends_with("/src"));
    for text in ["src", "src/cli", "q=src", here, &format!("q={here}")] {
        assert_eq!(spelled(text), text);
    }
    assert_eq!(spelled("./src"), "there is no model directory at ./src");
    assert!(spelled(&format!("{here}/Cargo.toml")).contains("is not a directory"));
    assert!(spelled(&format!("{here}@v1")).contains("has no revision `v1`"));
}

#[test]
fn a_directory_has_no_revision() {
    check("minilm@main", "minilm is a directory and has no revision `main`");
    let directory = ModelRef { name: None, place: Place::Directory("minilm".into()) };
    assert!(directory.with_revision(Some("main")).is_err());
}

#[test]
fn what_the_hub_could_not_have_is_refused() {
    for text in ["", "a b/c", "org/na--me", "-x/y", "org/..", "ä/b", "x=y=z"] {
        let remainder = text.strip_prefix("x=").unwrap_or(text);
        check(
            text,
            &format!(
                "`{remainder}` is neither a directory nor a Hub id, which is NAMESPACE/NAME of \
                 letters, digits, `-`, `_` and `.`"
            ),
        );
    }
}

#[test]
fn a_revision_cannot_leave_its_folder() {
    for revision in ["../../x", "a//b", "", "a b", "main?x=1"] {
        check(
            &format!("org/name@{revision}"),
            &format!("`{revision}` is not a revision; expected a branch, a tag or a commit"),
        );
    }
}

#[test]
fn its_own_revision_wins_over_the_setting() {
    let parsed = |text: &str| ModelRef::parse_with(text, &|_| Found::Nothing).unwrap();
    let with = parsed("org/name@v2").with_revision(Some("v1")).unwrap();
    assert_eq!(with, parsed("org/name@v2"));
    let with = parsed("org/name").with_revision(Some("v1")).unwrap();
    assert_eq!(with, parsed("org/name@v1"));
}

#[test]
fn a_directory_is_recorded_so_that_it_is_no_hub_id() {
    let recorded = |text: &str| {
        let look = |path: &Path| {
            let known = ["minilm", "models/minilm", "/models/minilm"];
            let is_known = known.iter().any(|known| path == Path::new(known));
            if is_known { Found::Directory } else { Found::Nothing }
        };
        ModelRef::parse_with(text, &look).unwrap().qualified_id()
    };
    assert_eq!(recorded("minilm"), "./minilm");
    assert_eq!(recorded("models/minilm"), "./models/minilm");
    assert_eq!(recorded("name=/models/minilm"), "/models/minilm");
    assert_eq!(recorded("org/name"), "org/name");
    assert_eq!(recorded("name=org/name@v1"), "org/name@v1");
}

#[test]
fn a_served_model_answers_to_its_last_component_and_its_id() {
    let names = |text: &str, given: Option<&str>| {
        let reference = ModelRef::parse_with(text, &|path| {
            if path.starts_with("models") { Found::Directory } else { Found::Nothing }
        });
        let names = reference.unwrap().served_names(given);
        [vec![names.name], names.aliases].concat()
    };
    assert_eq!(names("org/name@v1", None), ["name", "org/name"]);
    assert_eq!(names("bert-base-uncased", None), ["bert-base-uncased"]);
    assert_eq!(names("models/minilm/", None), ["minilm"]);
    assert_eq!(names("small=models/minilm", None), ["small"]);
    assert_eq!(names("small=org/name", None), ["small", "org/name"]);
    assert_eq!(names("org/name", Some("team/mine")), ["mine", "team/mine", "org/name"]);
}

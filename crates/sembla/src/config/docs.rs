//! docs/settings.md, generated from the table. Only the test that keeps the file fresh renders it;
//! with `UPDATE_EXPECT=1` that test writes the file.

use std::fmt::Write as _;

use toml::Table;

use super::defaults::{default_table, default_text};
use super::table::{CONFIG_VARIABLE, Group, SETTINGS, Setting};
use super::tei::{FOREIGN, Fate};

/// What instances cost elsewhere, as tutorials of Hugging Face show it.
const PRICES_EXAMPLE: &str = r#"
A deployment runs on what this machine has, whatever instance its client asks for; the price is a label. With these
rows of the file, costs add up as they would on Hugging Face:

```toml
[prices]
"nvidia-t4/x1" = 0.5
"nvidia-l4/x1" = 0.8
"nvidia-a10g/x1" = 1.0
"nvidia-a10g/x4" = 5.0
"inf2/x1" = 0.75
```
"#;

/// Renders the page.
pub(super) fn settings_page() -> String {
    let defaults = default_table();
    let mut page = format!(
        "<!-- Generated from crates/sembla/src/config/table.rs; do not edit. -->\n\n\
         # Settings\n\n\
         Every setting is a flag, a `SEMBLA_…` variable and a key in one TOML file (`--config FILE` \
         or `{CONFIG_VARIABLE}`), in that order; what none of them says is a default. A value that \
         is not allowed stops the start and names the setting, the value, its source and what is \
         allowed. `sembla config show` prints what is in force, with sources.\n\n\
         Variables of text-embeddings-inference (such as `PORT`) are read by `sembla serve` only, \
         since their names mean other things to other programs. The variable `HOSTNAME` is not \
         read at all: Docker sets it to the container's id.\n"
    );
    for group in Group::ALL {
        let _ = writeln!(page, "\n## {}", group.title());
        for setting in SETTINGS.iter().filter(|setting| setting.group == group) {
            page.push_str(&section(setting, &defaults));
        }
    }
    page.push_str(&foreign_section());
    page
}

fn section(setting: &Setting, defaults: &Table) -> String {
    let mut text = format!("\n### `{}`\n\n{}.\n\n", setting.name, setting.help);
    let _ = writeln!(text, "- Flag: {}", spelled_flags(setting));
    let _ = writeln!(text, "- Variable: {}", spelled_variables(setting));
    let _ = writeln!(text, "- Value: {}", setting.kind.expected());
    match default_text(setting, defaults) {
        Some(default) => {
            let _ = writeln!(text, "- Default: `{default}`");
        }
        None => text.push_str("- Default: none\n"),
    }
    if setting.name == "prices" {
        text.push_str(PRICES_EXAMPLE);
    }
    text
}

fn spelled_flags(setting: &Setting) -> String {
    let own = setting.flag();
    let flags = [own.as_str()].into_iter().chain(setting.aliases.flags.iter().copied());
    flags.map(|flag| format!("`--{flag}`")).collect::<Vec<_>>().join(", ")
}

fn spelled_variables(setting: &Setting) -> String {
    let own = setting.variable();
    let aliases = setting.aliases.env.iter().copied();
    let mut spelled: Vec<String> =
        [own.as_str()].into_iter().chain(aliases).map(|name| format!("`{name}`")).collect();
    spelled.extend(setting.aliases.serving_env.iter().map(|name| format!("`{name}` (serve)")));
    spelled.join(", ")
}

fn foreign_section() -> String {
    let mut text = String::from(
        "\n## Flags and variables of text-embeddings-inference without a counterpart\n\n\
         `sembla serve` takes them, so that a start command goes on working, and says at the start \
         what becomes of each one that is given.\n\n\
         | Flag | Variable | What becomes of it |\n| --- | --- | --- |\n",
    );
    for foreign in FOREIGN {
        let flag = foreign.flag.map_or("–".to_owned(), |flag| format!("`--{flag}`"));
        let fate = match foreign.fate {
            Fate::NoEffect(reason) => format!("no effect: {reason}"),
            Fate::Refused(reason) => format!("stops the start: {reason}"),
            Fate::Means(name, value) => format!("means `{name} = \"{value}\"`"),
            Fate::MeansFor { text, name, value } => {
                format!("`{text}` means `{name} = \"{value}\"`; anything else nothing")
            }
        };
        let _ = writeln!(text, "| {flag} | `{}` | {fate} |", foreign.variable);
    }
    text
}

//! The defaults, read from `config/default.toml`.

use toml::{Table, Value};

use super::table::Setting;

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Returns the defaults by setting.
pub(crate) fn default_table() -> Table {
    toml::from_str(DEFAULTS).expect("config/default.toml is TOML")
}

/// Returns what the help and the docs say the default of a setting is, if it has one.
pub(crate) fn default_text(setting: &Setting, defaults: &Table) -> Option<String> {
    let value = defaults.get(setting.name)?;
    if let Some(items) = value.as_array() {
        let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
        return (!items.is_empty()).then(|| items.join(","));
    }
    if value.as_table().is_some_and(Table::is_empty) {
        return None;
    }
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

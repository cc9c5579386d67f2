//! Folders whose setting is `auto`.

use std::path::PathBuf;

use super::kind::AUTO;
use super::layers::Env;

/// Where folders are when their setting is `auto`: where the Hub's clients and the XDG
/// specification put them.
pub(super) struct Folders<'a> {
    pub(super) env: &'a Env,
}

impl Folders<'_> {
    /// `None` if the folder is `auto` and no variable says where home is.
    pub(super) fn or_auto(
        &self,
        value: &str,
        auto: impl Fn(&Self) -> Option<PathBuf>,
    ) -> Option<PathBuf> {
        if value == AUTO { auto(self) } else { Some(self.expand_home(value)) }
    }

    pub(super) fn hub_cache(&self) -> Option<PathBuf> {
        Some(self.hf_home()?.join("hub"))
    }

    pub(super) fn hub_token_path(&self) -> Option<PathBuf> {
        Some(self.hf_home()?.join("token"))
    }

    fn hf_home(&self) -> Option<PathBuf> {
        match self.variable("HF_HOME") {
            Some(home) => Some(self.expand_home(home)),
            None => Some(self.in_home("XDG_CACHE_HOME", ".cache")?.join("huggingface")),
        }
    }

    pub(super) fn data_dir(&self) -> Option<PathBuf> {
        Some(self.in_home("XDG_DATA_HOME", ".local/share")?.join("sembla"))
    }

    fn in_home(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        match self.variable(variable) {
            Some(dir) => Some(self.expand_home(dir)),
            None => Some(PathBuf::from(self.variable("HOME")?).join(below_home)),
        }
    }

    /// `~/` is what a shell expands, but not inside a TOML file or a variable.
    fn expand_home(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.variable("HOME")) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
            _ => PathBuf::from(path),
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
}

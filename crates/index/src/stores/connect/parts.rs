//! The parts of an address.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::ConnectError;

/// The most shards and replicas that an address may ask for.
const MAX_PARTS: u32 = 1_000;

/// An address taken apart.
pub(super) struct Parts {
    store: &'static str,
    /// `http` or `https`.
    scheme: String,
    pub(super) user: Option<String>,
    password: Option<String>,
    host: String,
    /// Without slashes around it.
    pub(super) path: String,
    settings: BTreeMap<String, String>,
}

impl Parts {
    pub(super) fn of(store: &'static str, scheme: &str, rest: &str) -> Result<Self, ConnectError> {
        let mut parts = Self::without_host(store, "")?;
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = before.split_once('/').unwrap_or((before, ""));
        let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if host.is_empty() {
            return Err(parts.wrong("has no host"));
        }
        scheme.rsplit_once('+').map_or("http", |(_, scheme)| scheme).clone_into(&mut parts.scheme);
        host.clone_into(&mut parts.host);
        path.trim_matches('/').clone_into(&mut parts.path);
        parts.read_login(login);
        parts.read_settings(query)?;
        Ok(parts)
    }

    pub(super) fn without_host(store: &'static str, rest: &str) -> Result<Self, ConnectError> {
        let (host, path, scheme) = (String::new(), String::new(), String::new());
        let settings = BTreeMap::new();
        let mut parts = Self { store, scheme, user: None, password: None, host, path, settings };
        let (login, query) = rest.split_once('?').unwrap_or((rest, ""));
        match login.strip_suffix('@') {
            Some(login) => parts.read_login(login),
            None if login.is_empty() => {}
            None => {
                return Err(parts.wrong(
                    "has a host; another server than the service has the scheme pinecone+https",
                ));
            }
        }
        parts.read_settings(query)?;
        Ok(parts)
    }

    fn read_login(&mut self, login: &str) {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let some = |text: &str| (!text.is_empty()).then(|| decoded(text));
        (self.user, self.password) = (some(user), some(password));
    }

    fn read_settings(&mut self, query: &str) -> Result<(), ConnectError> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(self.wrong("has a setting without a value"));
            };
            self.settings.insert(decoded(name), decoded(value));
        }
        Ok(())
    }

    pub(super) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    pub(super) fn url_with_path(&self) -> String {
        let slash = if self.path.is_empty() { "" } else { "/" };
        format!("{}{slash}{}", self.url(), self.path)
    }

    /// What stands after the colon, where a store has a key and no users.
    pub(super) fn secret(&mut self) -> Option<String> {
        self.password.take()
    }

    pub(super) fn setting(&mut self, name: &str) -> Option<String> {
        self.settings.remove(name)
    }

    pub(super) fn number(&mut self, name: &'static str) -> Result<Option<u32>, ConnectError> {
        let Some(value) = self.setting(name) else { return Ok(None) };
        match value.parse() {
            Ok(number) if (1..=MAX_PARTS).contains(&number) => Ok(Some(number)),
            _ => {
                let expected = "a number from 1 to 1000";
                Err(ConnectError::Setting { store: self.store, name, expected, value })
            }
        }
    }

    /// Refuses what nobody has asked for.
    pub(super) fn end(self, known: &'static str) -> Result<(), ConnectError> {
        if self.user.is_some() {
            return Err(self.wrong(
                "has a user, and this store knows none; write a key after a colon, as `:KEY@`",
            ));
        }
        match self.settings.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(ConnectError::UnknownSetting { store: self.store, name, known }),
        }
    }

    pub(super) fn wrong(&self, problem: &'static str) -> ConnectError {
        ConnectError::Address { store: self.store, problem }
    }
}

/// Returns text without its percent signs.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_taken_apart() {
        let parts =
            Parts::of("opensearch", "opensearch+https", "a%3Ab:p%40ss@host:9200/os/?x=1").unwrap();
        assert_eq!((parts.user.as_deref(), parts.password.as_deref()), (Some("a:b"), Some("p@ss")));
        assert_eq!(parts.url_with_path(), "https://host:9200/os");
        assert_eq!(parts.settings["x"], "1");
    }
}

//! The Hub's HTTP interface, as far as downloading a model needs it.
//!
//! # Why not `hf-hub`
//!
//! Version 1.0.0 was read for what a download here must do. It writes every file from byte 0 (a
//! broken connection starts a file of gigabytes anew), compares neither checksum nor length before
//! it renames a file into the cache, sets no time-out at all, does not know `HF_HUB_OFFLINE`, and
//! always links the Xet protocol (some 45 crates more). What is left without those is the handful of
//! requests below, on `ureq`: blocking as a command line program wants it, with time-outs per read,
//! on `rustls` with aws-lc-rs.
//!
//! The Hub serves Xet-stored files to plain HTTP clients through a redirect, so nothing is lost.

mod agent;
mod digest;
mod error;

use std::io::Read;

use serde::Deserialize;
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use crate::config::{HubConfig, Secret};
use crate::models::reference::HubId;
pub(crate) use digest::{Digest, Hasher};
pub(crate) use error::HubError;

/// A client of one Hub.
pub(crate) struct Hub {
    agent: Agent,
    endpoint: String,
    token: Option<Secret>,
    idle_timeout: std::time::Duration,
}

/// A commit and its files.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) commit: String,
    pub(crate) files: Vec<String>,
}

/// What the Hub says about one file of a commit.
#[derive(Debug, Clone)]
pub(crate) struct RemoteFile {
    pub(crate) path: String,
    pub(crate) url: String,
    pub(crate) digest: Digest,
    pub(crate) num_bytes: u64,
}

/// The bytes of a file, from where they start.
pub(crate) struct FileBody {
    /// The offset that was asked for, or 0 from a server that does not resume.
    pub(crate) offset: u64,
    pub(crate) reader: Box<dyn Read>,
}

// A repository that was renamed answers with a redirect or two.
const MAX_REDIRECTS: usize = 5;

// The listing of a repository with 100,000 files is some 10 MB.
const MAX_LISTING_BYTES: u64 = 64 << 20;

impl Hub {
    /// Sets up a client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`HubError::CaFile`] if there is a file of certificate authorities and it cannot be used.
    pub(crate) fn new(config: &HubConfig, token: Option<Secret>) -> Result<Self, HubError> {
        Ok(Self {
            agent: agent::new(config)?,
            endpoint: config.endpoint.clone(),
            token,
            idle_timeout: config.idle_timeout,
        })
    }

    /// Lists the files of a revision.
    ///
    /// # Errors
    ///
    /// [`HubError`] if the Hub cannot be reached or does not have the revision.
    pub(crate) fn list(&self, id: &HubId, revision: &str) -> Result<Listing, HubError> {
        #[derive(Deserialize)]
        struct Info {
            sha: String,
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let url = format!("{}/api/models/{id}/revision/{}", self.endpoint, encode(revision, ""));
        let mut response = self.send(self.agent.get(&url), &url, Auth::Token)?;
        if !response.status().is_success() {
            return Err(self.refusal(&url, &mut response, id, revision));
        }
        let body = response.body_mut().with_config().limit(MAX_LISTING_BYTES).read_to_vec();
        let body = body.map_err(|err| self.failure(&url, err))?;
        let info: Info = serde_json::from_slice(&body).map_err(|_| HubError::Malformed {
            url: url.clone(),
            lacking: "a commit and a list of files",
        })?;
        // The commit becomes the name of a folder.
        if !crate::models::cache::is_commit(&info.sha) {
            return Err(HubError::Malformed { url, lacking: "a commit of 40 hexadecimal digits" });
        }
        let files = info.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
        Ok(Listing { commit: info.sha, files })
    }

    /// Asks for the checksum and length of one file of a commit.
    ///
    /// # Errors
    ///
    /// [`HubError`] if the Hub cannot be reached, does not have the file, or gives no checksum.
    pub(crate) fn stat(
        &self,
        id: &HubId,
        commit: &str,
        path: &str,
    ) -> Result<RemoteFile, HubError> {
        let url = format!("{}/{id}/resolve/{commit}/{}", self.endpoint, encode(path, "/"));
        let mut response = self.head(&url)?;
        if !response.status().is_success() && !response.status().is_redirection() {
            return Err(self.refusal(&url, &mut response, id, commit));
        }
        let headers = response.headers();
        let lacking = |lacking| HubError::Malformed { url: url.clone(), lacking };
        // A large file is redirected to a store whose own ETag means nothing; the Hub's answer
        // carries the real one beside it.
        let etag = header(headers, "x-linked-etag").or_else(|| header(headers, "etag"));
        let size = header(headers, "x-linked-size").or_else(|| header(headers, "content-length"));
        Ok(RemoteFile {
            digest: etag
                .and_then(Digest::from_etag)
                .ok_or_else(|| lacking("an ETag that is a checksum"))?,
            num_bytes: size
                .and_then(|size| size.parse().ok())
                .ok_or_else(|| lacking("the length of the file"))?,
            path: path.to_owned(),
            url,
        })
    }

    /// Starts loading a file at `offset`.
    ///
    /// # Errors
    ///
    /// [`HubError`] if the Hub cannot be reached or refuses.
    pub(crate) fn open(
        &self,
        id: &HubId,
        file: &RemoteFile,
        offset: u64,
    ) -> Result<FileBody, HubError> {
        let mut request = self.agent.get(&file.url).header("accept-encoding", "identity");
        if offset > 0 {
            request = request.header("range", format!("bytes={offset}-"));
        }
        let mut response = self.send(request, &file.url, Auth::Token)?;
        let offset = match response.status().as_u16() {
            206 if resumes_at(response.headers(), offset) => offset,
            200 => 0,
            206 => {
                let url = file.url.clone();
                return Err(HubError::Malformed { url, lacking: "the range that was asked for" });
            }
            _ => return Err(self.refusal(&file.url, &mut response, id, "")),
        };
        Ok(FileBody { offset, reader: Box::new(response.into_body().into_reader()) })
    }

    /// Sends HEAD, and follows redirects as long as they lead to no checksum.
    fn head(&self, url: &str) -> Result<Response<Body>, HubError> {
        let mut url = url.to_owned();
        let mut auth = Auth::Token;
        for _ in 0..MAX_REDIRECTS {
            let request = self.agent.head(&url).config().max_redirects(0).build();
            let request = request.header("accept-encoding", "identity");
            let response = self.send(request, &url, auth)?;
            let headers = response.headers();
            let location = header(headers, "location");
            let has_checksum = header(headers, "x-linked-etag").is_some();
            let Some(location) = location.filter(|_| response.status().is_redirection()) else {
                return Ok(response);
            };
            if has_checksum {
                return Ok(response);
            }
            let origin = origin(&url);
            if location.starts_with('/') {
                url = format!("{origin}{location}");
            } else {
                // The token is for the Hub, and for nobody whom it sends us to.
                if self::origin(location) != origin {
                    auth = Auth::None;
                }
                url = location.to_owned();
            }
        }
        Err(HubError::Malformed { url, lacking: "an end to its redirects" })
    }

    fn send(
        &self,
        request: ureq::RequestBuilder<ureq::typestate::WithoutBody>,
        url: &str,
        auth: Auth,
    ) -> Result<Response<Body>, HubError> {
        let request = match (&self.token, auth) {
            (Some(token), Auth::Token) => {
                request.header("authorization", format!("Bearer {}", token.reveal()))
            }
            _ => request,
        };
        request.call().map_err(|err| self.failure(url, err))
    }

    fn failure(&self, url: &str, err: ureq::Error) -> HubError {
        let url = url.to_owned();
        if let ureq::Error::Timeout(ureq::Timeout::RecvResponse | ureq::Timeout::PerRead) = err {
            return HubError::Silent { url, limit: self.idle_timeout };
        }
        if let ureq::Error::Io(io) = &err
            && io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
        {
            return HubError::Untrusted { url, source: Box::new(err) };
        }
        HubError::Unreachable { url, source: Box::new(err) }
    }

    /// Says why the Hub refused. It names the reason in a header; without one the status decides.
    fn refusal(
        &self,
        url: &str,
        response: &mut Response<Body>,
        id: &HubId,
        revision: &str,
    ) -> HubError {
        let (endpoint, id) = (self.endpoint.clone(), id.clone());
        let has_token = self.token.is_some();
        let status = response.status().as_u16();
        let code = header(response.headers(), "x-error-code").unwrap_or_default().to_owned();
        match (code.as_str(), status) {
            ("GatedRepo", _) => HubError::Gated { endpoint, id, has_token },
            ("RevisionNotFound", _) => {
                HubError::NoRevision { endpoint, id, revision: revision.to_owned() }
            }
            // The Hub answers 401 for a repository that it does not have, so as not to tell a
            // stranger which private ones exist.
            ("RepoNotFound", _) | ("", 401 | 403 | 404) => {
                HubError::NoRepository { endpoint, id, has_token }
            }
            _ => {
                let message = header(response.headers(), "x-error-message").unwrap_or_default();
                HubError::Status { url: url.to_owned(), status, message: message.to_owned() }
            }
        }
    }
}

/// Whether a request carries the token.
#[derive(Clone, Copy)]
enum Auth {
    Token,
    None,
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether `Content-Range: bytes START-END/TOTAL` starts at `offset`.
fn resumes_at(headers: &HeaderMap, offset: u64) -> bool {
    let start = header(headers, "content-range")
        .and_then(|range| range.strip_prefix("bytes "))
        .and_then(|range| range.split('-').next())
        .and_then(|start| start.parse::<u64>().ok());
    start == Some(offset)
}

/// Returns scheme and host of an address.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    url[host..].find('/').map_or(url, |path| &url[..host + path])
}

/// Percent-encodes what may not stand in a path, except the characters in `keep`.
fn encode(text: &str, keep: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || keep.contains(c) {
            encoded.push(c);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_one_segment_and_a_path_is_several() {
        assert_eq!(encode("refs/pr/3", ""), "refs%2Fpr%2F3");
        assert_eq!(encode("1_Pooling/a b.json", "/"), "1_Pooling/a%20b.json");
        assert_eq!(encode("ä", ""), "%C3%A4");
    }

    #[test]
    fn an_origin_is_scheme_and_host() {
        assert_eq!(origin("http://127.0.0.1:80/a/b"), "http://127.0.0.1:80");
        assert_eq!(origin("https://hub.example"), "https://hub.example");
    }
}

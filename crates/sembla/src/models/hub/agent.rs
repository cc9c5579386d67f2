//! The HTTP client: time-outs, trust, and who gets the token.

use std::sync::Arc;

use ureq::Agent;
use ureq::config::RedirectAuthHeaders;
use ureq::tls::{PemItem, RootCerts, TlsConfig};

use super::HubError;
use crate::config::HubConfig;

/// Sets up a client. Proxies come from the variables that other programs take them from.
pub(super) fn new(config: &HubConfig) -> Result<Agent, HubError> {
    // Set for the process, because `ureq` asks for the process's own. Fails if it is set already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects_will_error(false)
        .redirect_auth_headers(RedirectAuthHeaders::SameHost)
        .timeout_connect(Some(config.connect_timeout))
        .timeout_recv_response(Some(config.idle_timeout))
        .timeout_per_read(Some(config.idle_timeout))
        .tls_config(TlsConfig::builder().root_certs(root_certs(config)?).build())
        .user_agent(concat!("sembla/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(config.new_agent())
}

/// Mozilla's list, unless a file names other authorities (a company's own, for example).
fn root_certs(config: &HubConfig) -> Result<RootCerts, HubError> {
    let Some(path) = &config.ca_file else {
        return Ok(RootCerts::WebPki);
    };
    let failed = |source| HubError::CaFile { path: path.clone(), source };
    let pem = fs_err::read(path).map_err(failed)?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) =
            item.map_err(|err| failed(std::io::Error::other(err)))?
        {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(failed(std::io::Error::other("it holds no PEM certificate")));
    }
    Ok(RootCerts::Specific(Arc::new(certificates)))
}

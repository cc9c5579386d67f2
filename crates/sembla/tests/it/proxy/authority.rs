//! The certificate authority: made once, kept to its user, and enough to trust every host of the table.

use std::os::unix::fs::PermissionsExt as _;

use super::fake_server::{FakeServer, fine, nobody};
use super::process::{Proxied, ask_in, post};
use crate::command::Sembla;

#[test]
fn the_authority_is_made_once_and_its_key_is_for_its_user_alone() {
    let sembla = Sembla::new();
    let first = Proxied::start(&sembla, &nobody(), &[]);
    let file = first.certificate();
    assert_eq!(file, sembla.data_dir().join("proxy/ca.pem"));
    let certificate = fs_err::read_to_string(&file).unwrap();
    let key = file.with_file_name("ca-key.pem");
    assert_eq!(fs_err::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(first.stop().code, 0);
    let second = Proxied::start(&sembla, &nobody(), &[]);
    assert_eq!(second.certificate(), file);
    assert_eq!(fs_err::read_to_string(&file).unwrap(), certificate);
}

#[test]
fn the_data_directory_says_where_it_is_kept() {
    let sembla = Sembla::new();
    let proxy = Proxied::start(&sembla, &nobody(), &["--data-dir", "kept"]);
    assert_eq!(proxy.certificate(), sembla.home().join("kept/proxy/ca.pem"));
    assert!(proxy.certificate().is_file());
}

#[test]
fn every_host_of_the_table_is_vouched_for_by_its_own_name() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    for (host, path) in [
        ("api.endpoints.huggingface.cloud", "/v2/endpoint/me"),
        ("huggingface.co", "/api/whoami-v2"),
        ("api-inference.huggingface.co", "/models/org/name"),
        ("api.openai.com", "/v1/embeddings"),
        ("api.pinecone.io", "/indexes"),
        ("controller.us-east1-gcp.pinecone.io", "/databases"),
        ("faq-a1b2c3d.svc.us-east1-gcp.pinecone.io", "/query"),
        ("other-a1b2c3d.svc.gcp-starter.pinecone.io", "/query"),
    ] {
        let mut tunnel = proxy.tunnel(host);
        assert_eq!(tunnel.get_ref().conn.alpn_protocol(), Some(&b"http/1.1"[..]), "{host}");
        assert_eq!(ask_in(&mut tunnel, &post(host, path, "{}")).status, 200, "{host}");
    }
}

#[test]
fn a_certificate_is_for_the_name_that_the_client_says_in_the_tunnel() {
    let server = FakeServer::start(fine);
    let proxy = Proxied::start(&Sembla::new(), &server.url(), &[]);
    let mut tunnel = proxy.handshake("huggingface.co", "api.openai.com").unwrap();
    let answer = ask_in(&mut tunnel, &post("api.openai.com", "/v1/embeddings", "{}"));
    assert_eq!(answer.status, 200);
    assert!(server.next().has("POST /v1/embeddings HTTP/1.1"));
}

#[test]
fn no_certificate_is_made_for_a_name_outside_the_table() {
    let proxy = Proxied::start(&Sembla::new(), &nobody(), &[]);
    for name in ["bank.example", "127.0.0.1.example", "pypi.org"] {
        assert!(proxy.handshake("api.openai.com", name).is_err(), "{name}");
    }
}

#[test]
fn a_key_that_others_may_read_stops_the_start() {
    let sembla = Sembla::new();
    let proxy = Proxied::start(&sembla, &nobody(), &[]);
    let key = proxy.certificate().with_file_name("ca-key.pem");
    proxy.stop();
    fs_err::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ended = sembla.run(&["proxy", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, 3);
    assert!(ended.stderr.contains("ca-key.pem may be read by others (mode 644)"), "{ended:?}");
}

#[test]
fn a_client_that_does_not_trust_it_is_noted_with_what_to_do() {
    let mut proxy = Proxied::start(&Sembla::new(), &nobody(), &[]);
    let stranger = Proxied::start(&Sembla::new(), &nobody(), &[]);
    proxy.trusted = stranger.trusted.clone();
    assert!(proxy.handshake("api.openai.com", "api.openai.com").is_err());
    proxy.read_until("did not take our certificate");
}

//! Which host goes where: the table of names that clients have written into their code, and the routes of the
//! server that stand for them.
//!
//! To serve another host, add a row to [`HOSTS`] and to the table in docs/proxy.md. Pure.

use std::fmt::Write as _;

use Behind::{S3, Sembla};
use ErrorShape::{Object, Text, TopLevel, Xml};

/// A host, and what of it there is here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// The name, in lower case. A label `*` is any one label.
    name: &'static str,
    behind: Behind,
    /// In which words its clients read an error.
    errors: ErrorShape,
    paths: &'static [Rewrite],
}

/// Who answers what is asked of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// The server that the proxy stands before.
    Sembla,
    /// The store of the setting `s3_endpoint`.
    S3,
}

/// Where clients look for the text of an error; what is elsewhere they do not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorShape {
    /// In `error`, as Hugging Face's.
    Text,
    /// In `error.message`, as OpenAI's and Pinecone's.
    Object,
    /// In `message`, as those of AWS that speak JSON.
    TopLevel,
    /// In `ErrorResponse/Error/Message`, as those of AWS that speak XML.
    Xml,
}

/// How a path of the host becomes one of who is behind it.
#[derive(Debug, PartialEq, Eq)]
enum Rewrite {
    /// What begins with `from` begins with `to` instead.
    ///
    /// Both are whole segments without a final `/`. In `to`, `{index}` is the index that a Pinecone host
    /// names, and `{label}` is the first label of the host.
    Prefix { from: &'static str, to: &'static str },
    /// The path `/`, and no other.
    Root { to: &'static str },
    /// `/hf-inference/models/MODEL/pipeline/TASK` becomes `/pipeline/TASK/MODEL`: the router says the task last.
    HubRouter,
}

/// A path that stays as it is.
const fn same(prefix: &'static str) -> Rewrite {
    Rewrite::Prefix { from: prefix, to: prefix }
}

const fn moved(from: &'static str, to: &'static str) -> Rewrite {
    Rewrite::Prefix { from, to }
}

/// Every path of the host.
const ALL: &str = "";

/// What AWS's clients say by headers and form fields, all of it to `/`.
const AWS: Rewrite = Rewrite::Root { to: "/aws" };

/// The hosts that are served. A path takes the first rewrite that fits.
const HOSTS: &[Host] = &[
    // Inference Endpoints: a constant in every version of huggingface_hub.
    Host {
        name: "api.endpoints.huggingface.cloud",
        behind: Sembla,
        errors: Text,
        paths: &[same("/v2")],
    },
    // Who has the token: asked for before an endpoint is created without a namespace.
    Host { name: "huggingface.co", behind: Sembla, errors: Text, paths: &[same("/api/whoami-v2")] },
    Host {
        name: "api-inference.huggingface.co",
        behind: Sembla,
        errors: Text,
        paths: &[same("/pipeline"), same("/models")],
    },
    Host {
        name: "router.huggingface.co",
        behind: Sembla,
        errors: Text,
        paths: &[Rewrite::HubRouter, moved("/hf-inference/models", "/models")],
    },
    Host { name: "api.openai.com", behind: Sembla, errors: Object, paths: &[same("/v1")] },
    Host {
        name: "api.pinecone.io",
        behind: Sembla,
        errors: Object,
        paths: &[moved(ALL, "/pinecone")],
    },
    // 2.x: the control plane of an environment, and the data plane INDEX-PROJECT. The server's routes of 2.x
    // stand below an index, which the control plane does not look at but to create one.
    Host {
        name: "controller.*.pinecone.io",
        behind: Sembla,
        errors: Object,
        paths: &[
            moved("/databases", "/pinecone/legacy/controller/databases"),
            moved("/actions", "/pinecone/legacy/controller/actions"),
        ],
    },
    Host {
        name: "*.svc.*.pinecone.io",
        behind: Sembla,
        errors: Object,
        paths: &[moved(ALL, "/pinecone/legacy/{index}")],
    },
    Host { name: "sts.amazonaws.com", behind: Sembla, errors: Xml, paths: &[AWS] },
    Host { name: "sts.*.amazonaws.com", behind: Sembla, errors: Xml, paths: &[AWS] },
    Host { name: "iam.amazonaws.com", behind: Sembla, errors: Xml, paths: &[AWS] },
    Host { name: "api.sagemaker.*.amazonaws.com", behind: Sembla, errors: TopLevel, paths: &[AWS] },
    Host {
        name: "runtime.sagemaker.*.amazonaws.com",
        behind: Sembla,
        errors: TopLevel,
        paths: &[same("/endpoints")],
    },
    // Baseten: what `truss push` talks to, the management API, and a model, whose host begins with `model-`.
    Host { name: "app.baseten.co", behind: Sembla, errors: TopLevel, paths: &[same("/graphql")] },
    Host {
        name: "api.baseten.co",
        behind: Sembla,
        errors: TopLevel,
        paths: &[moved("/v1", "/b10/v1")],
    },
    Host {
        name: "*.api.baseten.co",
        behind: Sembla,
        errors: TopLevel,
        paths: &[moved(ALL, "/b10/{label}")],
    },
    // A bucket in the path, and after that a bucket in the name.
    Host { name: "s3.amazonaws.com", behind: S3, errors: Xml, paths: &[same(ALL)] },
    Host { name: "s3.*.amazonaws.com", behind: S3, errors: Xml, paths: &[same(ALL)] },
    Host { name: "*.s3.amazonaws.com", behind: S3, errors: Xml, paths: &[moved(ALL, "/{label}")] },
    Host {
        name: "*.s3.*.amazonaws.com",
        behind: S3,
        errors: Xml,
        paths: &[moved(ALL, "/{label}")],
    },
];

/// Returns the row of a host, whatever its case and with or without the final dot.
pub(super) fn find(host: &str) -> Option<&'static Host> {
    let host = canonical(host);
    HOSTS.iter().find(|row| is_match(row.name, &host))
}

/// Returns the name of a host as the table has it.
pub(super) fn canonical(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Returns the names of all hosts, for messages.
pub(super) fn names() -> String {
    let mut text = String::new();
    for (number, host) in HOSTS.iter().enumerate() {
        let separator = if number == 0 { "" } else { ", " };
        let _ = write!(text, "{separator}{}", host.name);
    }
    text
}

impl Host {
    /// Returns where the host's clients look for the text of an error.
    pub(super) fn errors(&self) -> ErrorShape {
        self.errors
    }

    /// Returns who answers for the host.
    pub(super) fn behind(&self) -> Behind {
        self.behind
    }

    /// Returns the path there for a path of `host`, which is a name that this row fits; `None` if there is nothing
    /// for it.
    pub(super) fn target(&self, host: &str, path: &str) -> Option<String> {
        self.paths.iter().find_map(|rewrite| rewrite.apply(host, path))
    }
}

const INDEX: &str = "{index}";
const LABEL: &str = "{label}";

impl Rewrite {
    fn apply(&self, host: &str, path: &str) -> Option<String> {
        match self {
            Self::Prefix { from, to } => {
                let rest = path.strip_prefix(from)?;
                let is_whole = rest.starts_with('/') || (rest.is_empty() && !from.is_empty());
                is_whole.then_some(filled(to, host)? + rest)
            }
            Self::Root { to } => (path == "/").then(|| (*to).to_owned()),
            Self::HubRouter => {
                let rest = path.strip_prefix("/hf-inference/models/")?;
                let (model, task) = rest.split_once("/pipeline/")?;
                Some(format!("/pipeline/{task}/{model}"))
            }
        }
    }
}

/// Returns the beginning of a path with what a host says in place of the words for it.
fn filled(to: &str, host: &str) -> Option<String> {
    if to.contains(INDEX) {
        return Some(to.replacen(INDEX, index_of(host)?, 1));
    }
    let label = host.split('.').next()?;
    Some(to.replacen(LABEL, label, 1))
}

fn is_match(pattern: &str, host: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('.'), host.split('.'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("*"), Some(label)) if !label.is_empty() => {}
            (Some(wanted), Some(label)) if wanted == label => {}
            (Some(_), _) | (None, Some(_)) => return false,
        }
    }
}

/// Returns `faq-2024` of `faq-2024-a1b2c3d.svc.us-east1-gcp.pinecone.io`: the project has no hyphen.
fn index_of(host: &str) -> Option<&str> {
    let (index, _project) = host.split('.').next()?.rsplit_once('-')?;
    Some(index).filter(|index| !index.is_empty())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(host: &str, paths: &[&str], expected: Expect) {
        let row = find(host).unwrap();
        let host = canonical(host);
        let mut text = String::new();
        for path in paths {
            let target = row.target(&host, path).unwrap_or_else(|| "nothing".to_owned());
            text.push_str(&format!("{path} is {target}\n"));
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn the_control_plane_of_endpoints_keeps_its_paths() {
        check(
            "api.endpoints.huggingface.cloud",
            &["/v2/endpoint/me/boru/pause", "/v2", "/v22", "/", ""],
            expect![[r#"
                /v2/endpoint/me/boru/pause is /v2/endpoint/me/boru/pause
                /v2 is /v2
                /v22 is nothing
                / is nothing
                 is nothing
            "#]],
        );
    }

    #[test]
    fn of_the_hub_only_the_owner_of_a_token_is_served() {
        check(
            "HuggingFace.co.",
            &["/api/whoami-v2", "/api/whoami-v2x", "/api/models/org/name"],
            expect![[r#"
                /api/whoami-v2 is /api/whoami-v2
                /api/whoami-v2x is nothing
                /api/models/org/name is nothing
            "#]],
        );
    }

    #[test]
    fn the_hubs_inference_has_its_tasks_where_the_server_has_them() {
        check(
            "api-inference.huggingface.co",
            &["/pipeline/feature-extraction/org/name", "/models/org/name", "/status"],
            expect![[r#"
                /pipeline/feature-extraction/org/name is /pipeline/feature-extraction/org/name
                /models/org/name is /models/org/name
                /status is nothing
            "#]],
        );
        check(
            "router.huggingface.co",
            &[
                "/hf-inference/models/org/name/pipeline/feature-extraction",
                "/hf-inference/models/org/name",
                "/together/v1/embeddings",
            ],
            expect![[r#"
                /hf-inference/models/org/name/pipeline/feature-extraction is /pipeline/feature-extraction/org/name
                /hf-inference/models/org/name is /models/org/name
                /together/v1/embeddings is nothing
            "#]],
        );
    }

    #[test]
    fn both_planes_of_pinecone_are_found() {
        check(
            "api.pinecone.io",
            &["/indexes", "/indexes/faq", "/"],
            expect![[r#"
                /indexes is /pinecone/indexes
                /indexes/faq is /pinecone/indexes/faq
                / is /pinecone/
            "#]],
        );
        check(
            "controller.us-east1-gcp.pinecone.io",
            &["/databases/faq", "/databases", "/actions/whoami", "/collections"],
            expect![[r#"
                /databases/faq is /pinecone/legacy/controller/databases/faq
                /databases is /pinecone/legacy/controller/databases
                /actions/whoami is /pinecone/legacy/controller/actions/whoami
                /collections is nothing
            "#]],
        );
        check(
            "faq-2024-a1b2c3d.svc.us-east1-gcp.pinecone.io",
            &["/query", "/vectors/fetch"],
            expect![[r#"
                /query is /pinecone/legacy/faq-2024/query
                /vectors/fetch is /pinecone/legacy/faq-2024/vectors/fetch
            "#]],
        );
    }

    #[test]
    fn all_that_is_asked_of_awss_control_planes_is_asked_of_one_path() {
        for host in [
            "sts.amazonaws.com",
            "sts.ap-southeast-2.amazonaws.com",
            "iam.amazonaws.com",
            "api.sagemaker.us-east-1.amazonaws.com",
        ] {
            check(
                host,
                &["/", "", "/aws", "//"],
                expect![[r#"
                    / is /aws
                     is nothing
                    /aws is nothing
                    // is nothing
                "#]],
            );
        }
        check(
            "runtime.sagemaker.us-east-1.amazonaws.com",
            &["/endpoints/a%20b/invocations", "/"],
            expect![[r#"
                /endpoints/a%20b/invocations is /endpoints/a%20b/invocations
                / is nothing
            "#]],
        );
    }

    #[test]
    fn basetens_models_have_hosts_of_their_own() {
        check(
            "app.baseten.co",
            &["/graphql/", "/models/a"],
            expect![[r#"
            /graphql/ is /graphql/
            /models/a is nothing
        "#]],
        );
        check(
            "api.baseten.co",
            &["/v1/models/a/deployments/b", "/v2"],
            expect![[r#"
            /v1/models/a/deployments/b is /b10/v1/models/a/deployments/b
            /v2 is nothing
        "#]],
        );
        check(
            "model-abcd1234.api.baseten.co",
            &["/development/predict"],
            expect![[r#"
            /development/predict is /b10/model-abcd1234/development/predict
        "#]],
        );
    }

    #[test]
    fn a_bucket_is_in_the_path_wherever_it_was() {
        let paths = ["/bucket/a%2Fb/c", "/"];
        for host in ["s3.amazonaws.com", "s3.us-east-1.amazonaws.com"] {
            assert_eq!(find(host).map(Host::behind), Some(S3));
            check(
                host,
                &paths,
                expect![[r#"
                    /bucket/a%2Fb/c is /bucket/a%2Fb/c
                    / is /
                "#]],
            );
        }
        for host in ["sagemaker-eu.s3.amazonaws.com", "sagemaker-eu.s3.eu-west-1.amazonaws.com"] {
            assert_eq!(find(host).map(Host::behind), Some(S3));
            check(
                host,
                &["/a%2Fb/c", "/"],
                expect![[r#"
                    /a%2Fb/c is /sagemaker-eu/a%2Fb/c
                    / is /sagemaker-eu/
                "#]],
            );
        }
    }

    #[test]
    fn a_host_that_names_no_index_is_nothing() {
        check(
            "faq.svc.us-east1-gcp.pinecone.io",
            &["/query"],
            expect![[r#"
            /query is nothing
        "#]],
        );
    }

    #[test]
    fn what_only_resembles_a_host_is_not_served() {
        for host in [
            "openai.com",
            "api.openai.com.evil.example",
            "xapi.openai.com",
            "api.openai.co",
            ".svc.x.pinecone.io",
            "a-b.svc..pinecone.io",
            "a-b.svc.x.y.pinecone.io",
            "amazonaws.com",
            "ec2.us-east-1.amazonaws.com",
            "sagemaker.us-east-1.amazonaws.com",
            "sts.us-east-1.amazonaws.com.evil.example",
            "127.0.0.1",
            "",
        ] {
            assert_eq!(find(host), None, "{host}");
        }
    }
}

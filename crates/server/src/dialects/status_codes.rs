//! Writes `docs/status-codes.md` from the tables of the dialects. `UPDATE_EXPECT=1` renews it.

use std::fmt::Write as _;

use expect_test::expect_file;

use super::{Dialect, tei};
use crate::endpoint_error::EndpointErrorKind;
use crate::error::{ErrorKind, HttpError};
use crate::indexes::IndexErrorKind;

struct Advice {
    what: &'static str,
    client: &'static str,
    operator: &'static str,
}

#[expect(clippy::too_many_lines, reason = "a table: one row for each kind")]
fn advice(kind: ErrorKind) -> Advice {
    let (what, client, operator) = match kind {
        ErrorKind::EmptyInput => (
            "There are no inputs, or one of them is empty",
            "Leave empty texts out. The message names the first one by its place in the list; with `\"report\": true` on `/embed` the other inputs are embedded all the same",
            "Nothing",
        ),
        ErrorKind::BadJson => (
            "The body is not JSON: bad syntax, invalid UTF-8, half of a surrogate pair, an early end",
            "Send JSON in UTF-8. The message says at which line and column it fails",
            "Nothing",
        ),
        ErrorKind::BadField => (
            "A field is missing, of the wrong type, or has a value that cannot be used: too many tokens with truncation off, `dimensions` that the model does not have, an unknown prompt, a token id outside of the vocabulary",
            "Change the field that the message names, within the limit that it names",
            "`GET /info` shows the limits and the prompts of the model",
        ),
        ErrorKind::Tokenizer => (
            "The tokenizer failed on an input",
            "Leave the input out that the message names",
            "Check tokenizer.json with `sembla model check`",
        ),
        ErrorKind::Unauthorized => (
            "There is no API key, or it is not known",
            "Send `Authorization: Bearer KEY`, `Authorization: Api-Key KEY` or `Api-Key: KEY`",
            "Compare with `--api-key` and `GET /api/keys`. The log shows no keys",
        ),
        ErrorKind::BadSignature => (
            "The AWS signature is not one of this request, is too old, or leaves something out that must be signed",
            "Sign the request anew with the secret of the access key; set the clock that is wrong",
            "Compare with `--aws-access-key`. A proxy on the way must keep the headers, and the host as `X-Forwarded-Host`",
        ),
        ErrorKind::UnknownModel => (
            "Several models are served, and none has the name that the request gives",
            "Use one of the names that the message lists, or none for the first model",
            "Serve the model, or give it this name with `--model NAME=MODEL`",
        ),
        ErrorKind::UnknownRoute => (
            "There is no such route",
            "See `/docs`. Behind the name of a model stands any route, as in `/NAME/embed`",
            "Nothing",
        ),
        ErrorKind::WrongMethod => {
            ("The route has other methods", "See the header `Allow`", "Nothing")
        }
        ErrorKind::TooSlow => (
            "The body came more slowly than 16 KiB per second, after a time of grace",
            "Repeat the request, with fewer inputs if the line is slow",
            "Look for a proxy that holds bodies back",
        ),
        ErrorKind::TooLarge => (
            "The body is larger than the payload limit. The number of inputs has no limit",
            "Send fewer inputs per request",
            "Raise `--payload-limit`",
        ),
        ErrorKind::WrongTask => (
            "The route needs another kind of model: a reranker, a classifier, a SPLADE model",
            "Use a route for embeddings",
            "Serve a model of that kind",
        ),
        ErrorKind::ModelFailed => (
            "The model gave a number that is not finite, its batch failed, or it could not be loaded",
            "Report it. Repeating the request helps only if its batch failed",
            "Read the log under the request's `x-request-id`; check the model with `sembla model check`",
        ),
        ErrorKind::Overloaded => (
            "Too much work is waiting, or too many large bodies are being read. Nothing of the request was queued",
            "Repeat the request after the seconds in `Retry-After`",
            "If it lasts: more threads, another replica, or a longer queue with `--max-queue-tokens`",
        ),
        ErrorKind::NotReady => (
            "A model is still loading, or the server is shutting down",
            "Repeat the request after the seconds in `Retry-After`",
            "`/live` answers 200 meanwhile. If a model does not become ready, the log says why",
        ),
        ErrorKind::ContentType => (
            "A body without the Content-Type of JSON, on a route of indexes, endpoints or keys",
            "Send `Content-Type: application/json`, or `application/x-ndjson` for records by line",
            "Nothing: a web page can send other types to a server on this machine without being asked",
        ),
        ErrorKind::ContentEncoding => (
            "The body is compressed, or has another `Content-Encoding` than `identity`",
            "Send the body as it is, without the header",
            "If clients send it as it is, look for a proxy that compresses requests",
        ),
        ErrorKind::BadHost => (
            "The request has several headers `Host`",
            "Send one",
            "If clients send one, look for a proxy that adds another",
        ),
        ErrorKind::ForeignPage => (
            "`Origin` is another site, or `Host` is a name that anybody may point here, on a route of indexes, endpoints or keys of a server without keys",
            "Call the server by its address or as `localhost`",
            "Set a key with `--api-key`, name the page with `--cors-allow-origin`, or the server with `--public-url`",
        ),
        ErrorKind::Index(kind) => return index_advice(kind),
        ErrorKind::Endpoint(kind) => return endpoint_advice(kind),
        ErrorKind::Internal => (
            "A defect of the server",
            "Report it with the `x-request-id` of the answer",
            "Read the log under this id, and report it to the project",
        ),
    };
    Advice { what, client, operator }
}

fn index_advice(kind: IndexErrorKind) -> Advice {
    let (what, client, operator) = match kind {
        IndexErrorKind::NoIndexes => (
            "The server keeps no indexes; the message says why",
            "Ask a server that does",
            "Do what the message says: a data directory of its own, or a key on a public address",
        ),
        IndexErrorKind::UnknownIndex => {
            ("There is no index of this name", "List the indexes, or create it", "Nothing")
        }
        IndexErrorKind::UnknownRecord => (
            "There is no such namespace or record",
            "Write a record into the namespace; that creates it",
            "Nothing",
        ),
        IndexErrorKind::Exists => (
            "There is an index of this name already",
            "Use it, take another name, or delete it first",
            "Nothing",
        ),
        IndexErrorKind::Protected => (
            "The index is protected from deletion",
            "Disable its deletion protection first",
            "Nothing",
        ),
        IndexErrorKind::WrongModel => (
            "Text for an index without a model, or with another model than the served ones",
            "Send vectors, or bind a model to the index",
            "Serve the model that the message names",
        ),
        IndexErrorKind::Unsupported => (
            "The store of indexes cannot do this",
            "Do without, as the message says",
            "Use the embedded store, which can",
        ),
        IndexErrorKind::NoSpace => (
            "The disk is full. Nothing of the request was kept",
            "Wait for the operator, then repeat the request",
            "Make room in the data directory",
        ),
        IndexErrorKind::Unavailable => (
            "A remote store does not answer. The ids of records that were not written are named",
            "Repeat the request after the seconds in `Retry-After`",
            "Look after the remote store",
        ),
        IndexErrorKind::Failed => (
            "The store failed: a damaged file, a failing disk, a refusal of a remote store",
            "Report it",
            "Read the log under the request's `x-request-id`; check the files with `sembla index check`",
        ),
    };
    Advice { what, client, operator }
}

fn endpoint_advice(kind: EndpointErrorKind) -> Advice {
    let (what, client, operator) = match kind {
        EndpointErrorKind::NoEndpoints => (
            "The server is not a control plane: it has no endpoints",
            "Ask a server that has",
            "Start `sembla serve` with a data directory of its own, and without `--inference-only`",
        ),
        EndpointErrorKind::UnknownEndpoint => (
            "There is no endpoint of this name, or the key does not show it",
            "List the endpoints, or create it",
            "Nothing",
        ),
        EndpointErrorKind::UnknownKey => {
            ("There is no key of this number", "List the keys for their numbers", "Nothing")
        }
        EndpointErrorKind::Refused => (
            "What is asked of an endpoint cannot be: a name that is taken, a model that cannot be loaded or does not fit, resuming what runs, scaling what is paused",
            "Change what the message names. Nothing was changed",
            "If a model does not fit: raise the memory budget to what the message says",
        ),
        EndpointErrorKind::Forbidden => (
            "The key lacks a scope, or is bound to another namespace",
            "Use a key with the scope that the message names",
            "Make one with `POST /api/keys`",
        ),
        EndpointErrorKind::OverRate => (
            "The key has used up its tokens of this minute",
            "Repeat the request after the seconds in `Retry-After`",
            "Make a key with a higher rate",
        ),
        EndpointErrorKind::Paused => (
            "The endpoint is paused. The message says by whom and since when; waiting does not help",
            "Ask for it to be resumed",
            "Resume it; if its budget paused it, raise that first",
        ),
        EndpointErrorKind::GivenUp => (
            "The endpoint was tried and given up; the message says why",
            "Tell the operator. Waiting does not help",
            "Read the reason and the endpoint's logs, then update or resume it",
        ),
        EndpointErrorKind::Waking => (
            "No replica is ready yet, and the request has waited as long as it may (`X-Scale-Up-Timeout`)",
            "Repeat the request after the seconds in `Retry-After`",
            "If it lasts, the state of the endpoint says what it waits for",
        ),
        EndpointErrorKind::Unreachable => (
            "A replica closed its connection without an answer, and so did the one that was tried after it",
            "Repeat the request",
            "Read the endpoint's logs",
        ),
        EndpointErrorKind::NoSpace => (
            "The disk of the control plane is full, or refuses to be written; nothing was changed",
            "Repeat the request later",
            "Free some space, or raise the limit on the size of files (`ulimit -f`)",
        ),
        EndpointErrorKind::Failed => (
            "The control plane failed: its database or the machine",
            "Report it",
            "Read the log under the request's `x-request-id`",
        ),
    };
    Advice { what, client, operator }
}

fn status_codes() -> String {
    let mut doc = String::from(
        "# Status codes\n\n\
         Generated by a test of `crates/server` from the table that the server itself uses.\n\n\
         Every answer that is not a success has a JSON body in the shape of the route's dialect: \
         `{\"error\", \"error_type\"}` on the routes of text-embeddings-inference, \
         `{\"error\": {\"message\", \"type\", \"param\", \"code\"}}` on those of OpenAI (`/v1/…`, \
         `/embeddings`), `{\"error\": {\"code\", \"message\", \"field\", \"request_id\"}}` on our own of indexes, keys \
         and costs (`/v1/indexes…`, `/api/…`), `{\"error\": {\"code\", \"message\"}, \"status\"}` on Pinecone's control plane \
         (`/pinecone/…`) and `{\"code\", \"message\", \"details\"}` on its data plane (`/pinecone/i/…`, \
         `/pinecone/legacy/…`), `{\"error\": {\"root_cause\", \"type\", \"reason\"}, \"status\"}` on those of \
         OpenSearch (`/os/…`), `{\"error\"}` on those of Hugging Face's hosted API and of its endpoints \
         (`/pipeline/…`, `/models/…`, `/v2/…`, `/serve/…`). Two answers come before there is a route, and have no body: 400 for a \
         request line or header that is not HTTP, and 431 for headers over the limit.\n\n\
         | | text-embeddings-inference | OpenAI | Hugging Face | Indexes | Pinecone | OpenSearch |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for kind in ErrorKind::ALL {
        let status = |dialect: Dialect| dialect.render(&HttpError::new(kind, ""), "").0.as_u16();
        let error_type = tei::error_body(&HttpError::new(kind, "")).error_type;
        let (tei, openai) = (status(Dialect::Tei), status(Dialect::OpenAi));
        let (huggingface, sembla) = (status(Dialect::HuggingFace), status(Dialect::Sembla));
        let code = super::indexes::errors::code(kind);
        let pinecone = super::pinecone::control_error_body(&HttpError::new(kind, ""));
        let opensearch = status(Dialect::OpenSearch);
        let what = advice(kind).what;
        writeln!(
            doc,
            "| {what} | {tei} `{error_type:?}` | {openai} | {huggingface} | {sembla} `{code}` | \
             {} `{}` | {opensearch} |",
            pinecone.status, pinecone.error.code,
        )
        .unwrap();
    }
    doc.push_str("\n## What to do\n\n| | The client | The operator |\n| --- | --- | --- |\n");
    for kind in ErrorKind::ALL {
        let Advice { what, client, operator } = advice(kind);
        writeln!(doc, "| {what} | {client} | {operator} |").unwrap();
    }
    doc
}

#[test]
fn the_document_says_what_the_server_does() {
    expect_file!["../../../../docs/status-codes.md"].assert_eq(&status_codes());
}

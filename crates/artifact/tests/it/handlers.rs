//! Handlers as people publish them, and as nobody should.

mod beyond;
mod bounded;

use std::fmt::Write as _;

use artifact::handler::{self, HandlerError};
use expect_test::{Expect, expect};

/// A handler in the manner of the published ones: pooling by hand, and a name that does not exist.
const POOLED: &str = "\
import torch
import torch.nn.functional as F
from transformers import AutoModel, AutoTokenizer

def mean_pooling(model_output, attention_mask):
    states = model_output[0]
    mask = attention_mask.unsqueeze(-1).expand(states.size()).float()
    return torch.sum(states * mask, 1) / torch.clamp(mask.sum(1), min=1e-9)

def model_fn(model_dir):
  tokenizer = AutoTokenizer.from_pretrained(model_dir)
  model = AutoModel.from_pretrained(model_dir)
  return model, tokenizer

def predict_fn(data, model_and_tokenizer):
    # The names come apart again.
    model, tokenizer = model_and_tokenizer
    encoded = tokenizer(sentences, padding=True, truncation=True, return_tensors='pt')
    with torch.no_grad():
        output = model(**encoded)
    vectors = mean_pooling(output, encoded['attention_mask'])
    vectors = F.normalize(vectors, p=2, dim=1)
    return {\"vector_embedding\": vectors.tolist()}
";

/// The same for a network that is loaded by a class of its own, with another name that does not exist.
const INSTRUCTED: &str = "\
from InstructorEmbedding import INSTRUCTOR

def model_fn(model_dir):
  model = INSTRUCTOR(model_dir)
  return model

def predict_fn(data, model):
  embeddings = model.encode(data)
  return {\"vector_embedding\": sentence_embeddings.tolist()}
";

fn render(source: &str) -> String {
    match handler::read(source) {
        Ok(handler) => {
            let mut text = match &handler.reply_key {
                Some(key) => format!("key {key}"),
                None => "no key".to_owned(),
            };
            write!(text, ", pools by {:?}", handler.pools_by).unwrap();
            text.push_str(if handler.normalizes { ", normalizes" } else { "" });
            text
        }
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(source: &str, expected: Expect) {
    expected.assert_eq(&render(source));
}

/// Checks the body of a `predict_fn`, whose first line is line 2.
#[track_caller]
fn check_predict(body: &[&str], expected: Expect) {
    check(&format!("def predict_fn(data, model):\n    {}\n", body.join("\n    ")), expected);
}

#[test]
fn published_handlers_are_read_whatever_names_they_lack() {
    check(POOLED, expect!["key vector_embedding, pools by Mean, normalizes"]);
    check(
        INSTRUCTED,
        expect![
            "line 1 of the handler loads an `INSTRUCTOR` model, an architecture that is not supported yet"
        ],
    );
    check("", expect!["no key, pools by Unknown"]);
}

#[test]
fn an_architecture_is_the_last_thing_to_refuse() {
    let source = INSTRUCTED.replace("  model =", "  import os\n  model =");
    assert!(matches!(handler::read(&source), Err(HandlerError::Beyond { line: 4, .. })));
}

#[test]
fn keys_are_found_in_each_way_to_reply() {
    check_predict(&["return {'a': model(data)}"], expect!["key a, pools by Unknown"]);
    check_predict(&["return dict(a=model(data))"], expect!["key a, pools by Unknown"]);
    check_predict(
        &["r = {}", "r['a'] = model(data)", "return r"],
        expect!["key a, pools by Unknown"],
    );
    check_predict(&["r = dict()", "r['a'] = 1", "return (r)"], expect!["key a, pools by Unknown"]);
    check_predict(&["key = 'a'", "return {key: 1}"], expect!["key a, pools by Unknown"]);
    check_predict(
        &["return {'a' 'b': 1} if data else {'ab': 2}"],
        expect!["key ab, pools by Unknown"],
    );
    check_predict(
        &["if not data:", "    return None", "return {'a': 1}"],
        expect!["key a, pools by Unknown"],
    );
    check_predict(&["return model.encode(data).tolist()"], expect!["no key, pools by Unknown"]);
    check_predict(&["return model.encode(data)"], expect!["no key, pools by Unknown"]);
    check_predict(&["return [v.tolist() for v in data], 1"], expect!["no key, pools by Unknown"]);
    check_predict(&["x = x", "return x"], expect!["no key, pools by Unknown"]);
    check(
        "KEY = 'a'\ndef reply(x):\n    return {KEY: x}\ndef predict_fn(data, model):\n    return reply(data)\n",
        expect!["key a, pools by Unknown"],
    );
}

#[test]
fn keys_are_found_through_what_writes_the_reply() {
    let check_output = |lines: &str, expected: Expect| {
        let predict = "def predict_fn(data, model):\n    return {'inner': 1}\n";
        check(&format!("{predict}def output_fn(prediction, accept):\n    {lines}\n"), expected);
    };
    check_output("return json.dumps(prediction)", expect!["key inner, pools by Unknown"]);
    check_output("return dumps(prediction), accept", expect!["key inner, pools by Unknown"]);
    check_output("return prediction", expect!["key inner, pools by Unknown"]);
    check_output(
        "return encoder.encode(prediction, accept)",
        expect!["key inner, pools by Unknown"],
    );
    check_output(
        "prediction = json.dumps(prediction)\n    return prediction",
        expect!["key inner, pools by Unknown"],
    );
    check_output(
        "return json.dumps({'outer': prediction['inner']}).encode('utf-8')",
        expect!["key outer, pools by Unknown"],
    );
    check_output("return json.dumps(prediction['inner'])", expect!["no key, pools by Unknown"]);
    check(
        "def transform_fn(model, data, content_type, accept_type):\n    return json.dumps({'a': model(data)})\n",
        expect!["key a, pools by Unknown"],
    );
}

#[test]
fn replies_that_no_endpoint_gives_are_refused() {
    check_predict(
        &["return {'a': 1, 'b': 2}"],
        expect![
            "line 2 of the handler replies with several keys: a, b; reply with the vectors, or with one key that has them"
        ],
    );
    check_predict(
        &["if data:", "    return {'a': 1}", "return {'error': 2}"],
        expect![
            "the handler replies with the key `a` on line 3 and with the key `error` on line 4; reply with one key, and raise an error where there is nothing to reply"
        ],
    );
    check_predict(
        &["if data:", "    return {'a': 1}", "return data.tolist()"],
        expect![
            "the handler replies with the key `a` on line 3 and with no key on line 4; reply with one key, and raise an error where there is nothing to reply"
        ],
    );
    check_predict(
        &["return {}"],
        expect![
            "line 2 of the handler replies with a dict that has no key; reply with the vectors, or with one key that has them"
        ],
    );
    check_predict(
        &["return {data: 1}"],
        expect![
            "line 2 of the handler replies with a key that is not a literal string; reply with the vectors, or with one key that has them"
        ],
    );
    check_predict(
        &["return {**data}"],
        expect![
            "line 2 of the handler replies with a key that is not a literal string; reply with the vectors, or with one key that has them"
        ],
    );
    check_predict(
        &["return [{'a': v} for v in data]"],
        expect![
            "line 2 of the handler replies with a list of dicts; reply with the vectors, or with one key that has them"
        ],
    );
    check_predict(
        &["model(data)"],
        expect![
            "line 1 of the handler defines `predict_fn`, which returns nothing; reply with the vectors, or with one key that has them"
        ],
    );
}

#[test]
fn two_functions_for_one_step_are_refused() {
    for part in ["input_fn", "predict_fn", "output_fn"] {
        let source =
            format!("def {part}(a):\n    return a\ndef transform_fn(m, d, c, a):\n    return d\n");
        let error = handler::read(&source).unwrap_err();
        let text = format!(
            "line 3 of the handler defines `transform_fn`, although line 1 defines `{part}`; keep one of them"
        );
        assert_eq!(error.to_string(), text);
    }
    check(
        "def predict_fn(a, b):\n    return a\ndef predict_fn(a, b):\n    return b\n",
        expect![
            "line 3 of the handler defines `predict_fn`, although line 1 defines `predict_fn`; keep one of them"
        ],
    );
}

#[test]
fn pooling_is_told_where_it_shows() {
    let check_pooling = |lines: &[&str], expected: Expect| {
        let mut body = lines.to_vec();
        body.push("return vectors.tolist()");
        check_predict(&body, expected);
    };
    check_pooling(&["vectors = states.mean(dim=1)"], expect!["no key, pools by Mean"]);
    check_pooling(&["vectors = torch.mean(states, 1)"], expect!["no key, pools by Mean"]);
    check_pooling(
        &[
            "total = torch.sum(states * mask, 1)",
            "count = torch.clamp(mask.sum(1), min=1e-9)",
            "vectors = total / count",
        ],
        expect!["no key, pools by Mean"],
    );
    check_pooling(&["vectors = output[0][:, 0]"], expect!["no key, pools by Cls"]);
    check_pooling(
        &["vectors = output.last_hidden_state[:, 0, :]"],
        expect!["no key, pools by Cls"],
    );
    check_pooling(&["vectors = torch.max(states, 1)[0]"], expect!["no key, pools by Max"]);
    check_pooling(&["vectors = output.pooler_output"], expect!["no key, pools by Unknown"]);
    check_pooling(
        &["vectors = states.mean(1) + states[:, 0]"],
        expect!["no key, pools by Unknown"],
    );
    check_pooling(
        &["loss = states.mean()", "vectors = model(data)"],
        expect!["no key, pools by Unknown"],
    );
    check_pooling(
        &["vectors = x / x.norm(p=2, dim=1, keepdim=True)"],
        expect!["no key, pools by Unknown, normalizes"],
    );
    check_pooling(
        &["n = np.linalg.norm(x, axis=1)", "vectors = x / n"],
        expect!["no key, pools by Unknown, normalizes"],
    );
    // What is defined and not used says nothing.
    check(
        "def cls_pooling(x):\n    return x[:, 0]\ndef model_fn(d):\n    return SentenceTransformer(d)\ndef predict_fn(data, model):\n    return {'a': model.encode(data, normalize_embeddings=True)}\n",
        expect!["key a, pools by Model, normalizes"],
    );
}

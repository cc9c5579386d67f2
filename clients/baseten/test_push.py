"""`truss push`, as it is installed: what becomes of a Truss, and what it says of one that cannot be served here."""

import io
import tarfile

import numpy as np
import pytest
import requests

from aws import KEYS
from golden import DIMENSIONS, assert_close, plain, with_reference
from pushes import KEY, Truss, delete_model, graphql, models, tutorial_3, wait_until, wait_until_active

TINY_DIMENSIONS = 32


def test_tutorial_3_from_its_folder(plane, pushed):
    assert "text-embeddings-inference trussless was successfully pushed" in pushed.said
    assert pushed.endpoint == f"{plane.url}/b10/model-{pushed.model}"
    assert f"{plane.url}/models/{pushed.model}/logs/{pushed.deployment}" in pushed.said
    # There is none here, and truss says so.
    assert "nvidia-l4" in pushed.said and "runs on this machine's CPU" in pushed.said
    # What nobody wrote is nothing to warn of: truss sends its own defaults along.
    for name in ("streaming_read_timeout", "python_version", "spec_version", "transport", "health_checks", "bdn"):
        assert name not in pushed.said
    texts, expected = plain(4)
    assert_close(pushed.predict("environments/production/predict", texts), expected)


def test_the_folder_is_kept_in_the_store(bucket, push, write_truss, tiny_model):
    folder = write_truss(tiny_model)
    (folder / "data").mkdir()
    # Over 8 MiB, above which it comes in parts.
    (folder / "data" / "large").write_bytes(bytes(10 << 20))
    before = {item.key for item in bucket.objects.all()}
    push(folder, wait=False)
    [key] = {item.key for item in bucket.objects.all()} - before
    with tarfile.open(fileobj=io.BytesIO(bucket.Object(key).get()["Body"].read())) as archive:
        assert sorted(archive.getnames()) == ["config.yaml", "data/large"]
        assert archive.extractfile("config.yaml").read() == (folder / "config.yaml").read_bytes()


def test_a_folder_of_this_machine(push, write_truss, tiny_model):
    pushed = push(write_truss(tiny_model), "--publish")
    texts, expected = with_reference(tiny_model / "reference", "embeddings.f32")
    assert_close(pushed.predict("production/predict", texts), expected)


def test_a_second_push_is_another_deployment_and_a_promotion_moves_the_traffic(
    plane, truss, push, write_truss, model, tiny_model
):
    name = "A model with versions"
    first = push(write_truss(model, model_name=name), "--publish")
    assert dimensions(first, "production") == dimensions(first, "development") == DIMENSIONS

    # A published one gets no requests but those to itself, and to what is being worked on.
    second = push(write_truss(tiny_model, model_name=name), "--deployment-name", "smaller.v2")
    assert (second.model, second.endpoint) == (first.model, first.endpoint)
    assert second.deployment != first.deployment
    assert models(plane).count(name) == 1
    assert dimensions(first, "production") == DIMENSIONS
    assert dimensions(first, f"deployment/{first.deployment}") == DIMENSIONS
    assert dimensions(first, f"deployment/{second.deployment}") == TINY_DIMENSIONS
    assert dimensions(first, "development") == TINY_DIMENSIONS

    third = push(write_truss(tiny_model, model_name=name), "--promote")
    assert third.deployment not in (first.deployment, second.deployment)
    assert "the next production deployment of your model" in third.said
    wait_until(lambda: dimensions(first, "environments/production") == TINY_DIMENSIONS)
    assert dimensions(first, "production") == TINY_DIMENSIONS
    # What answered before is there, though it may sleep.
    assert dimensions(first, f"deployment/{first.deployment}") == DIMENSIONS


def dimensions(pushed, where):
    return np.shape(pushed.predict(f"{where}/predict", ["a", "b"]))[1]


def test_no_request_fails_while_a_promotion_is_under_way(push, write_truss, model, tiny_model):
    name = "A model that is promoted"
    first = push(write_truss(tiny_model, model_name=name))
    push(write_truss(model, model_name=name), "--promote", wait=False)
    seen = []

    def has_moved():
        seen.append(dimensions(first, "production"))
        return seen[-1] == DIMENSIONS

    wait_until(has_moved)
    assert set(seen) <= {TINY_DIMENSIONS, DIMENSIONS} and seen == sorted(seen)


def test_an_environment_of_its_own(push, write_truss, model, tiny_model):
    name = "A model with environments"
    first = push(write_truss(tiny_model, model_name=name))
    staged = push(write_truss(model, model_name=name), "--environment", "staging")
    assert staged.model == first.model
    assert "the next staging deployment of your model" in staged.said
    assert dimensions(first, "environments/staging") == DIMENSIONS
    assert dimensions(first, "environments/production") == TINY_DIMENSIONS


def test_the_sdk_pushes_a_draft_and_changes_it_in_place(plane, truss, write_truss, model, tiny_model):
    name = "A draft"
    draft = truss.push_with_sdk(write_truss(tiny_model, model_name=name))
    try:
        wait_until_active(plane, draft)
        assert dimensions(draft, "development") == TINY_DIMENSIONS
        production = requests.post(f"{draft.endpoint}/production/predict", json={"input": "a"})
        assert production.status_code == 404 and "production" in production.text

        again = truss.push_with_sdk(write_truss(model, model_name=name))
        assert (again.model, again.deployment) == (draft.model, draft.deployment)
        wait_until(lambda: dimensions(draft, "development") == DIMENSIONS)
    finally:
        delete_model(plane, draft)


def test_the_secrets_of_a_truss_are_named_and_their_values_asked_of_nobody(push, write_truss, tiny_model):
    pushed = push(write_truss(tiny_model, secrets={"hf_access_key": None, "other_key": "what-it-may-be"}))
    for secret in ("hf_access_key", "other_key"):
        assert secret in pushed.said
    assert "what-it-may-be" not in pushed.said
    assert dimensions(pushed, "production") == TINY_DIMENSIONS


def test_another_server_is_refused_before_anything_is_uploaded(plane, truss, write_truss, tiny_model):
    before = models(plane)

    def check(words, **changes):
        said = truss.refused(write_truss(tiny_model, **changes))
        assert words in said and "text-embeddings-router" in said, said

    check("it runs a model.py", docker_server=None)
    of_tei = tutorial_3(tiny_model)["docker_server"]
    check("vllm", docker_server=of_tei | {"start_command": "vllm serve BAAI/bge-large-en-v1.5 --port 7997"})
    assert models(plane) == before


@pytest.mark.parametrize("route, kind", [("/rerank", "reranker"), ("/predict", "classifier")])
def test_another_kind_of_model_is_refused(truss, write_truss, tiny_model, route, kind):
    server = tutorial_3(tiny_model)["docker_server"] | {"predict_endpoint": route}
    said = truss.refused(write_truss(tiny_model, docker_server=server))
    assert route in said and kind in said and "/v1/embeddings" in said


def test_a_folder_that_nobody_has_allowed_is_refused(plane, truss, write_truss, tmp_path):
    before = models(plane)
    said = truss.refused(write_truss(tmp_path))
    assert str(tmp_path) in said and "model_dir" in said
    assert models(plane) == before


def test_names_that_cannot_be_are_refused(truss, write_truss, tiny_model):
    folder = write_truss(tiny_model)
    assert "`Staging`" in truss.refused(folder, "--environment", "Staging")
    # truss writes it into the query as it is.
    truss.refused(folder, "--model-name", 'quo"te')


def test_without_a_store_the_setting_is_named(serve, tiny_model, write_truss, tmp_path):
    with serve("--model-dir", tiny_model.parent) as server:
        truss = Truss(tmp_path, server.url)
        assert "--s3-endpoint" in truss.refused(write_truss(tiny_model))
        assert models(server) == []


def test_a_bucket_that_is_missing_is_named(serve, store, tiny_model, write_truss, tmp_path):
    arguments = ["--model-dir", tiny_model.parent, "--s3-endpoint", store, "--s3-bucket", "no-such-bucket"]
    with serve(*arguments, variables=KEYS) as server:
        said = Truss(tmp_path, server.url).refused(write_truss(tiny_model))
        assert "`no-such-bucket`" in said and "--s3-bucket" in said


def test_keys(locked, write_truss, tiny_model, tmp_path_factory):
    folder = write_truss(tiny_model)
    for key in ("nobodys-key", KEY + "x"):
        said = Truss(tmp_path_factory.mktemp("nobody"), locked.url, key).refused(folder)
        assert "key" in said and key not in said and KEY not in said, said
    of_file = Truss(tmp_path_factory.mktemp("file"), locked.url, KEY).push(folder)
    # Those of variables are sent as `Bearer`.
    variables = {"BASETEN_TRUSS_AUTH_REMOTE_URL": locked.url, "BASETEN_TRUSS_AUTH_API_KEY": KEY}
    of_variables = Truss(tmp_path_factory.mktemp("variables"), **variables).push(folder)
    assert of_variables.model == of_file.model
    wait_until_active(locked, of_variables, KEY)
    assert np.shape(of_variables.predict("production/predict", ["a"], KEY)) == (1, TINY_DIMENSIONS)
    delete_model(locked, of_file, KEY)


def test_predict_finds_what_was_pushed(truss, pushed):
    for which in (["--model", pushed.model], ["--model-deployment", pushed.deployment]):
        code, said = truss.run("predict", *which, "-d", '{"input": "text string"}')
        assert code == 0 and '"embedding"' in said, said


@pytest.mark.parametrize(
    "query, words",
    [
        ("{ billing { total } }", "billing"),
        ("mutation { delete_everything { id } }", "delete_everything"),
        ("{ models(all: true) { id weights } }", "weights"),
        ("{ models(all: true) {", "GraphQL"),
        ("subscription { models { id } }", "subscription"),
        ("", "query"),
    ],
)
def test_what_is_unknown_is_an_error_of_graphql(plane, query, words):
    answer = graphql(plane, query)
    assert words in answer["errors"][0]["message"], answer
    assert not answer.get("data")


def test_unmodified_with_the_hosts_in_its_code(plane, truss, variables_of_proxy, write_truss, tiny_model, tmp_path):
    """Through `sembla proxy`: the remote that `truss login` writes, and the host where it asks how far it is."""
    before = Truss(tmp_path, "https://app.baseten.co", **variables_of_proxy)
    pushed = before.push(write_truss(tiny_model), "--publish", "--wait")
    assert "Deployment succeeded." in pushed.said
    delete_model(plane, pushed)

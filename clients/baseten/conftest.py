"""The server as Baseten, the store that Trusses are uploaded to, and `truss` as somebody has it who uses it."""

import itertools

import boto3
import pytest
import yaml

from aws import KEYS, store
from control_plane import MINILM, MINILM_COMMIT, proxy_before, put_into_hub_cache
from pushes import KEY, Truss, delete_model, tutorial_3, wait_until_active
from serving import Server

__all__ = ["store"]

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def bucket(store):
    """The bucket that is uploaded to."""
    keys = {name.lower(): value for name, value in KEYS.items()}
    bucket = boto3.resource("s3", endpoint_url=store, region_name="us-east-1", **keys).Bucket("sembla")
    bucket.create()
    return bucket


@pytest.fixture(scope="session")
def plane(binary, store, bucket, model, tiny_model, tmp_path_factory):
    """A server without a model of its own: Trusses may name the folders of two, and the Hub's id of one of them."""
    home = tmp_path_factory.mktemp("baseten")
    put_into_hub_cache(home, MINILM, MINILM_COMMIT, model)
    folders = [word for folder in (model.parent, tiny_model.parent) for word in ("--model-dir", folder)]
    with Server.start(binary, home, [*folders, "--s3-endpoint", store], variables=KEYS) as server:
        yield server


@pytest.fixture(scope="session")
def locked(binary, store, bucket, tiny_model, tmp_path_factory):
    """The same with a key."""
    home = tmp_path_factory.mktemp("locked")
    arguments = ["--model-dir", tiny_model.parent, "--s3-endpoint", store, "--api-key", KEY]
    with Server.start(binary, home, arguments, variables=KEYS) as server:
        yield server


@pytest.fixture(scope="session")
def truss(plane, tmp_path_factory):
    return Truss(tmp_path_factory.mktemp("home"), plane.url)


@pytest.fixture(scope="session")
def variables_of_proxy(binary, plane, store, tmp_path_factory):
    """What `sembla proxy` before the server says to export."""
    with proxy_before(binary, tmp_path_factory.mktemp("proxy"), plane.url, "--s3-endpoint", store) as variables:
        yield variables


@pytest.fixture(scope="session")
def write_truss(tmp_path_factory):
    """Writes the Truss of tutorial 3 for a model, with changes to it, and returns its folder."""

    def write_truss(model_id, **changes):
        folder = tmp_path_factory.mktemp("truss")
        config = {"model_name": f"Text Embeddings {next(NUMBERS)}"} | tutorial_3(model_id) | changes
        (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        return folder

    return write_truss


@pytest.fixture(scope="session")
def pushed(plane, truss, write_truss):
    """Tutorial 3's Truss as it is there, with the weights in a folder of its container: pushed, and ready."""
    folder = write_truss(
        "/data/local-model",
        model_name="text-embeddings-inference trussless",
        build_commands=[f"git clone https://huggingface.co/{MINILM} /data/local-model"],
    )
    pushed = truss.push(folder, "--publish")
    wait_until_active(plane, pushed)
    yield pushed
    delete_model(plane, pushed)


@pytest.fixture
def push(plane, truss):
    """Pushes Trusses, waits until they are ready, and deletes their models in the end."""
    models = {}

    def push(folder, *options, wait=True):
        pushed = truss.push(folder, *options)
        models[pushed.model] = pushed
        if wait:
            wait_until_active(plane, pushed)
        return pushed

    yield push
    for pushed in models.values():
        delete_model(plane, pushed)

"""Sembla where AWS's clients expect SageMaker, STS and IAM, a store where they expect S3, and `sembla proxy` before
both.

The fixtures are for the folders of such clients; their conftest.py imports them.
"""

import io
import itertools
import json
import os
import subprocess
import tarfile
import time
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import WaiterError

from control_plane import OVERRIDING, proxy_before
from serving import PATIENCE, Server

ROOT = Path(__file__).resolve().parent.parent

REGION = "ap-southeast-2"
ROLE = "arn:aws:iam::000000000000:role/SageMakerIAMRole"
IMAGE = "763104351884.dkr.ecr.ap-southeast-2.amazonaws.com/huggingface-pytorch-inference:1.13-transformers4.26-cpu-py39"

# Neither the server nor the store has keys to compare with, so any will do. Without one the clients do not even ask,
# and the store keeps objects from whoever signs nothing.
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDANY", "AWS_SECRET_ACCESS_KEY": "any"}

# How the waiters of boto3 wait: half a minute between two looks, unless they are told otherwise.
WAIT = {"Delay": 1, "MaxAttempts": PATIENCE}

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def store():
    """The address of a store that speaks S3, empty at first."""
    made = subprocess.run(
        [ROOT / "scripts" / "make-venv", "stores-s3", ROOT / "clients" / "stores-s3.txt"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    command = [made.stdout.strip(), ROOT / "clients" / "stores" / "s3.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        [port] = json.loads(process.stdout.readline())["ports"]
        yield f"http://127.0.0.1:{port}"
        # It ends when nothing more can be asked of it.
        process.stdin.close()


@pytest.fixture(scope="session")
def plane(binary, store, model, tiny_model, tmp_path_factory):
    """A server without a model of its own, whose clients may name the folders of two, and archives of the store."""
    folders = [word for folder in (model.parent, tiny_model.parent) for word in ("--model-dir", folder)]
    home = tmp_path_factory.mktemp("sagemaker")
    with Server.start(binary, home, [*folders, "--s3-endpoint", store], variables=KEYS) as server:
        yield server


@pytest.fixture(scope="session")
def client_environment(binary, plane, store, tmp_path_factory):
    """An environment in which AWS's clients meet all of this where they expect AWS."""
    folder = tmp_path_factory.mktemp("proxy")
    with proxy_before(binary, folder, plane.url, "--s3-endpoint", store) as exports:
        is_kept = lambda name: name not in OVERRIDING and not name.startswith("AWS_")
        kept = {name: value for name, value in os.environ.items() if is_kept(name)}
        yield kept | exports | KEYS | {
            "HOME": str(folder),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@pytest.fixture
def proxied(client_environment, monkeypatch):
    """Puts the test itself into that environment."""
    for name in set(os.environ) - set(client_environment):
        monkeypatch.delenv(name)
    for name, value in client_environment.items():
        monkeypatch.setenv(name, value)
    # What boto3 keeps of the environment it was first used in.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture
def client(plane):
    """Makes clients that are told the address of the server."""

    def client(service, **options):
        keys = {name.lower(): value for name, value in KEYS.items()}
        return boto3.client(service, endpoint_url=plane.url, region_name=REGION, **keys, **options)

    return client


@pytest.fixture
def sagemaker(client):
    return client("sagemaker")


@pytest.fixture
def deploy(sagemaker):
    """Creates endpoints of models, and deletes all of it in the end."""
    made = []

    def deploy(*models, wait=True):
        """Each model is what a variant is made of: its container, and what else is to be said of it."""
        name = f"endpoint-{next(NUMBERS)}"
        variants = []
        for number, (container, changes) in enumerate(models):
            variants.append(variant(f"{name}-{number}") | changes)
            sagemaker.create_model(
                ModelName=f"{name}-{number}", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE} | container
            )
            made.append((sagemaker.delete_model, {"ModelName": f"{name}-{number}"}))
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        made.append((sagemaker.delete_endpoint_config, {"EndpointConfigName": name}))
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        made.append((sagemaker.delete_endpoint, {"EndpointName": name}))
        if wait:
            until_in_service(sagemaker, name)
        return name

    yield deploy
    for delete, arguments in reversed(made):
        delete(**arguments)


def until_in_service(sagemaker, name):
    try:
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=WAIT)
    except WaiterError as error:
        # The waiter itself does not say why.
        reason = sagemaker.describe_endpoint(EndpointName=name).get("FailureReason")
        raise AssertionError(f"endpoint {name} is not in service: {reason}") from error


def variant(model_name):
    """The one variant that the SDK makes."""
    return {
        "VariantName": "AllTraffic",
        "ModelName": model_name,
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1,
        "InstanceType": "ml.m5.xlarge",
    }


def of_folder(folder, **variables):
    """A container of a model in a folder of this machine."""
    return {"Environment": {"HF_MODEL_ID": str(folder)} | variables}


# Tutorial 4's own, with its fault: `sentences` is nowhere defined.
INFERENCE = (ROOT / "examples" / "tutorial-4" / "minilm" / "inference.py").read_text()


@pytest.fixture(scope="session")
def archive(model, tmp_path_factory):
    """What `tar zcvf model.tar.gz *` makes in the folder of a model, with the tutorial's code in it."""
    path = tmp_path_factory.mktemp("archive") / "model.tar.gz"
    # Quickly: floats hardly get smaller.
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for file in sorted(model.iterdir()):
            archive.add(file, arcname=file.name)
        for name, text in {"inference.py": INFERENCE, "requirements.txt": ""}.items():
            entry = tarfile.TarInfo(f"code/{name}")
            entry.size, entry.mtime = len(text), int(time.time())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path

"""A server with an access key: who has signed with it is let in, straight and through `sembla proxy`, and nobody else."""

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from aws import REGION
from control_plane import proxy_before
from serving import Server

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def locked(binary, tmp_path_factory):
    home = tmp_path_factory.mktemp("locked")
    with Server.start(binary, home, ["--aws-access-key", f"{KEY}:{SECRET}"]) as server:
        yield server


def client(service, secret=SECRET, key=KEY, **options):
    keys = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    return boto3.client(service, region_name=REGION, config=ONCE, **keys, **options)


def look_around(make):
    """One call of each kind: JSON, a form, and the runtime's, whose body is signed."""
    assert make("sagemaker").list_models()["Models"] == []
    assert make("sts").get_caller_identity()["Account"] == "000000000000"
    with pytest.raises(ClientError) as refused:
        make("sagemaker-runtime").invoke_endpoint(EndpointName="none", Body=b'["a"]', ContentType="application/json")
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert "there is no endpoint `none`" in str(refused.value)


def test_who_has_the_key_is_let_in(locked):
    look_around(lambda service: client(service, endpoint_url=locked.url))


def test_through_the_proxy_the_host_that_was_meant_counts(binary, locked, tmp_path, monkeypatch):
    with proxy_before(binary, tmp_path, locked.url) as exports:
        for name, value in exports.items():
            monkeypatch.setenv(name, value)
        look_around(client)


@pytest.mark.parametrize("wrong", [{"secret": SECRET[:-1] + "Z"}, {"key": "AKIDOTHER"}])
@pytest.mark.parametrize("service, ask", [("sagemaker", "list_models"), ("sts", "get_caller_identity")])
def test_whoever_has_not_is_refused(locked, service, ask, wrong):
    with pytest.raises(ClientError) as refused:
        getattr(client(service, endpoint_url=locked.url, **wrong), ask)()
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert response["Error"]["Code"] in ("InvalidSignatureException", "UnrecognizedClientException")
    assert SECRET not in str(refused.value)

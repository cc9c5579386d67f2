"""The control plane, the way to it, and endpoints that are gone after their test."""

import itertools

import huggingface_hub
import pytest
from huggingface_hub.errors import HfHubHTTPError

from control_plane import MINILM, TEI, WAIT, client_environment, control_plane, exports, proxied

__all__ = ["client_environment", "control_plane", "exports", "proxied"]

NUMBERS = itertools.count(1)


@pytest.fixture
def hub(proxied):
    """The client, whose connections are made in this environment and do not outlive it."""
    huggingface_hub.close_session()
    yield huggingface_hub.HfApi()
    huggingface_hub.close_session()


@pytest.fixture
def create(hub):
    """Creates endpoints, with defaults for what a test does not say, and deletes them in the end."""
    created = []

    def create(name=None, **changes):
        arguments = {
            "repository": MINILM,
            "framework": "pytorch",
            "accelerator": "cpu",
            "instance_size": "x1",
            "instance_type": "intel-icl",
            "region": "us-east-1",
            "vendor": "aws",
            "custom_image": TEI,
        }
        name = name or f"endpoint-{next(NUMBERS)}"
        created.append(hub.create_inference_endpoint(name, **(arguments | changes)))
        return created[-1]

    yield create
    for endpoint in created:
        try:
            endpoint.delete()
        except HfHubHTTPError as err:
            assert err.response.status_code == 404, err


@pytest.fixture
def endpoint(create):
    """An endpoint that runs."""
    return create().wait(**WAIT)

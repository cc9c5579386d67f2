"""`hf endpoints`, and the hardware that it shows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from control_plane import MINILM


@pytest.fixture
def hf(client_environment):
    """Runs `hf endpoints` to its end, and returns what it printed."""
    # Beside the interpreter, and not where a link to it points.
    program = Path(sys.executable).parent / "hf"

    def hf(*arguments):
        command = [program, "endpoints", *arguments]
        done = subprocess.run(command, env=client_environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return hf


def test_ls_shows_a_row_for_each_endpoint(create, hf):
    endpoint = create(task="sentence-embeddings")
    (row,) = json.loads(hf("ls", "--json"))
    assert row.pop("status") in ("pending", "initializing", "running")
    assert row == {
        "name": endpoint.name,
        "model": MINILM,
        "task": "sentence-embeddings",
        "framework": "pytorch",
        "instance": "intel-icl",
        "vendor": "aws",
        "region": "us-east-1",
    }
    assert hf("ls", "--quiet").split() == [endpoint.name]
    table = hf("ls", "--namespace", endpoint.namespace, "--format", "human")
    assert endpoint.name in table and "INSTANCE" in table


def test_ls_of_none(hub, hf):
    assert hub.list_inference_endpoints() == []
    assert json.loads(hf("ls", "--json")) == []


def test_describe_shows_the_endpoint_as_it_is(create, hf):
    endpoint = create()
    shown = json.loads(hf("describe", endpoint.name))
    assert shown["model"] == endpoint.raw["model"]


def test_hardware_has_what_create_takes(hub, hf):
    hardware = hub.list_inference_endpoints_hardware()
    assert hardware
    for item in hardware:
        assert item.price_per_hour >= 0
        assert item.max_accelerators >= item.used_accelerators
    shown = json.loads(hf("hardware", "--all", "--json"))
    assert {item["id"] for item in shown} == {item.id for item in hardware}
    # Without `--all` only that which the namespace may have now: something must be.
    assert json.loads(hf("hardware", "--json"))

"""A control plane to create endpoints on, and `sembla proxy` before it, for clients whose hosts are constants of
their code: these reach it with nothing but the environment variables that the proxy prints.

The fixtures are for the folders of such clients; their conftest.py imports them.
"""

import contextlib
import os
import shlex
import subprocess

import pytest

from serving import PATIENCE, Server

# Repositories as the Hub names them, and the commit that their branch is. The server finds both without a network.
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_COMMIT = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
TINY = "sembla-tests/tiny-mpnet"
TINY_COMMIT = "0123456789abcdef0123456789abcdef01234567"
TINY_DIMENSIONS = 48

# A repository that is nowhere.
MISSING = "sembla-tests/no-such-model"

# An image whose endpoint answers with lists on its own address, as text-embeddings-inference does.
TEI = {"tei": {"url": "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"}}

# How long the clients that take it wait for an endpoint, and how often they look.
WAIT = {"timeout": PATIENCE, "refresh_every": 1}

# What would send the clients elsewhere, or let them trust something else, if the person who runs the tests has it.
OVERRIDING = (
    *("ALL_PROXY", "HTTP_PROXY", "all_proxy", "http_proxy", "https_proxy", "no_proxy"),
    *("CURL_CA_BUNDLE", "SSL_CERT_DIR", "HF_ENDPOINT", "HF_HUB_OFFLINE"),
)


@pytest.fixture(scope="session")
def control_plane(binary, model, tiny_model, tmp_path_factory):
    """A server without a model of its own, which finds two in the Hub's cache."""
    home = tmp_path_factory.mktemp("control-plane")
    put_into_hub_cache(home, MINILM, MINILM_COMMIT, model)
    put_into_hub_cache(home, TINY, TINY_COMMIT, tiny_model.parent / "tiny-mpnet")
    with Server.start(binary, home, []) as server:
        yield server


def put_into_hub_cache(home, repository, commit, folder):
    """Lays a model's folder into the cache below a home, as a download of its branch `main` would."""
    cache = home / ".cache" / "huggingface" / "hub" / f"models--{repository.replace('/', '--')}"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(commit)
    (cache / "snapshots").mkdir()
    (cache / "snapshots" / commit).symlink_to(folder, target_is_directory=True)


@pytest.fixture(scope="session")
def exports(binary, control_plane, tmp_path_factory):
    """The variables that `sembla proxy` says to export; it runs until the end."""
    with proxy_before(binary, tmp_path_factory.mktemp("proxy"), control_plane.url) as variables:
        yield variables


@contextlib.contextmanager
def proxy_before(binary, folder, server_url, *arguments):
    """Runs `sembla proxy` before a server, and gives the variables that it says to export."""
    command = [binary, "proxy", "--listen", "127.0.0.1:0", "--server", server_url, *arguments]
    process = subprocess.Popen(
        list(map(str, command)),
        env=Server.environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with Server(process, folder) as proxy:
        lines = [proxy.wait_for(f"^export .*{name}=.*") for name in ("HTTPS_PROXY", "SSL_CERT_FILE", "NO_PROXY")]
        words = [word for line in lines for word in shlex.split(line)[1:]]
        yield dict(word.split("=", 1) for word in words)


@pytest.fixture(scope="session")
def client_environment(exports, tmp_path_factory):
    """An environment in which a client meets the control plane where it expects the hosted one."""
    kept = {name: value for name, value in os.environ.items() if name not in OVERRIDING}
    # No key is configured, so any token will do; without one the clients do not even ask.
    return kept | exports | {"HF_TOKEN": "hf_any", "HF_HOME": str(tmp_path_factory.mktemp("hub"))}


@pytest.fixture
def proxied(client_environment, monkeypatch):
    """Puts the test itself into that environment."""
    for name in set(os.environ) - set(client_environment):
        monkeypatch.delenv(name)
    for name, value in client_environment.items():
        monkeypatch.setenv(name, value)


def error_of(response):
    """Returns the message of an answer that is an error, in the only form that both clients can show."""
    message = response.json()["error"]
    assert isinstance(message, str) and message
    return message

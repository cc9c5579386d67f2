"""A server, a proxy before it, and programs that know of neither: they run with three variables set."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from serving import PATIENCE, Server

# What the code of the clients calls the model.
MODEL = "sentence-transformers/all-MiniLM-L6-v2"


class Proxy:
    """A `sembla proxy` process; stops at the end of a `with`."""

    def __init__(self, binary, folder, server_url):
        command = [binary, "proxy", "--listen", "127.0.0.1:0", "--server", server_url]
        self.process = subprocess.Popen(
            list(map(str, command)),
            env=Server.environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        # As a person would, with a shell.
        lines = "".join(self.process.stdout.readline() for _ in range(3))
        show = f'{lines}\nexec "$0" -c "import json, os; print(json.dumps(dict(os.environ)))"'
        shown = subprocess.run(
            ["sh", "-c", show, sys.executable], env={}, stdout=subprocess.PIPE, text=True, check=True
        )
        names = ["HTTPS_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "NO_PROXY"]
        self.variables = {name: json.loads(shown.stdout)[name] for name in names}
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)

    def run(self, code):
        """Runs Python code with nothing but the variables of the proxy, and returns what it printed, as JSON."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)} | self.variables
        environment["OPENAI_API_KEY"] = "sk-not-a-key-of-anybody"
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def tiny_server(serve, tiny_model):
    with serve("--model", tiny_model, "--served-model-name", MODEL) as server:
        yield server


@pytest.fixture(scope="session")
def proxy_to(binary, tmp_path_factory):
    """Starts a proxy to the server at this address; the caller stops it with `with`."""
    return lambda url: Proxy(binary, tmp_path_factory.mktemp("proxy"), url)


@pytest.fixture(scope="session")
def proxy(proxy_to, tiny_server):
    with proxy_to(tiny_server.url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def embed(tiny_server):
    """Embeds texts at the server itself."""
    return lambda texts: tiny_server.post("/embed", {"inputs": texts}).json()

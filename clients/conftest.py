"""What all tests share: the binary, the model, one server, and figures for the summary."""

import os
import resource
import subprocess
from pathlib import Path

import pytest

from serving import Server

ROOT = Path(__file__).resolve().parent.parent
FIGURES = []


def pytest_configure():
    # A thousand connections are a thousand open files here too. The server keeps the limit that it would have
    # without this: see `Server.start`.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))


@pytest.fixture(scope="session")
def binary():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(os.environ.get("SEMBLA_TEST_BINARY", target / "debug" / "sembla"))
    assert path.is_file(), f"{path} does not exist; build it with `cargo build`"
    return path


@pytest.fixture(scope="session")
def model():
    """The folder of all-MiniLM-L6-v2."""
    done = subprocess.run([ROOT / "scripts" / "get-model"], stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def tiny_model():
    """A model that is made up, and differs from the other one in everything that a client sees."""
    return ROOT / "fixtures" / "models" / "tiny-bert"


@pytest.fixture(scope="session")
def serve(binary, tmp_path_factory):
    """Starts a server with the arguments given; the caller stops it with `with`."""

    def start(*arguments, **options):
        return Server.start(binary, tmp_path_factory.mktemp("server"), arguments, **options)

    return start


@pytest.fixture(scope="session")
def server(serve, model):
    """One server of all-MiniLM-L6-v2, for every test that leaves it as it was."""
    with serve("--model", model) as server:
        yield server


@pytest.fixture(scope="session")
def run(binary, tmp_path_factory):
    """Runs a command of the binary to its end, and returns what became of it."""
    environment = Server.environment(tmp_path_factory.mktemp("command"))

    def run(*arguments):
        command = [binary, *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)

    return run


@pytest.fixture
def figure(request):
    """Keeps a figure for the summary: what was measured, and not judged."""
    return lambda text: FIGURES.append(f"{request.node.name}: {text}")


def pytest_terminal_summary(terminalreporter):
    if FIGURES:
        terminalreporter.section("figures")
        for line in FIGURES:
            terminalreporter.write_line(line)

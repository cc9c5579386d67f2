"""Runs `truss`, and asks the server what became of it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import requests

from control_plane import OVERRIDING
from serving import PATIENCE

# Where no keys are configured, any will do. Without one the clients do not even ask.
ANY_KEY = "any"
KEY = "a-key-that-is-configured"

# What the SDK is for: a program that pushes.
PUSH = """
import sys, truss
pushed = truss.push(sys.argv[1])
print(pushed.model_id, pushed.model_deployment_id, pushed._baseten_service.hostname)
"""


def environment(**variables):
    """The environment of a client: that of the tests, without what would send it elsewhere, and with these."""
    kept = {name: value for name, value in os.environ.items() if name not in (*OVERRIDING, "BASETEN_API_KEY")}
    return kept | variables


class Truss:
    """The command line of somebody who has this remote in `.trussrc`, or no file, and these variables."""

    # Beside the interpreter, and not where a link to it points.
    PROGRAM = Path(sys.executable).parent / "truss"

    def __init__(self, home, url=None, key=ANY_KEY, **variables):
        # Wide enough that no line of its is broken, and without a look at what newer versions there are.
        settings = {"HOME": str(home), "COLUMNS": "1000", "TRUSS_NO_UPDATE_CHECK": "1"}
        self.environment = environment(**settings, **variables)
        if url:
            lines = ["[baseten]", "remote_provider = baseten", f"api_key = {key}", f"remote_url = {url}"]
            (home / ".trussrc").write_text("\n".join(lines))

    def run(self, *arguments, folder=None):
        """Runs it to its end, and returns the exit code and all that it said."""
        done = subprocess.run(
            [self.PROGRAM, *arguments],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=PATIENCE,
        )
        return done.returncode, done.stdout

    def push(self, folder, *options):
        """Pushes the Truss of a folder, from within it as the tutorial does, and returns what it then says of it."""
        code, said = self.run("push", *options, folder=folder)
        assert code == 0, said
        labels = ("Model ID", "Deployment ID", "Endpoint")
        found = [re.search(rf"^ *{label}: +(\S+)$", said, re.MULTILINE) for label in labels]
        assert all(found), said
        return Pushed(*(it.group(1) for it in found), said)

    def push_with_sdk(self, folder):
        """Does the same with the SDK, whose pushes are drafts."""
        command = [sys.executable, "-c", PUSH, folder]
        said = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, check=True).stdout
        return Pushed(*said.split()[-3:], said)

    def refused(self, folder, *options):
        """Pushes a Truss in vain, and returns why."""
        code, said = self.run("push", *options, folder=folder)
        assert code == 1 and "successfully pushed" not in said, said
        return said


class Pushed(NamedTuple):
    """What `truss push` says at its end."""

    model: str
    deployment: str
    endpoint: str
    said: str

    def predict(self, where, texts, key=ANY_KEY):
        """Returns the embeddings that come from below its address."""
        headers = {"Authorization": f"Api-Key {key}"}
        response = requests.post(f"{self.endpoint}/{where}", headers=headers, json={"input": texts})
        assert response.status_code == 200, response.text
        return embeddings_of(response.json())


def embeddings_of(answer):
    """Returns the embeddings of an answer as OpenAI gives it, which is the order of the texts."""
    assert [item["index"] for item in answer["data"]] == list(range(len(answer["data"])))
    return [item["embedding"] for item in answer["data"]]


def tutorial_3(model_id):
    return {
        "base_image": {"image": "registry.example.com/text-embeddings-inference:89-1.6"},
        "docker_server": {
            "start_command": f"text-embeddings-router --port 7997 --model-id {model_id} --max-client-batch-size 32 "
            "--max-concurrent-requests 40 --max-batch-tokens 32768",
            "server_port": 7997,
            "predict_endpoint": "/v1/embeddings",
            "readiness_endpoint": "/health",
            "liveness_endpoint": "/health",
        },
        "resources": {"accelerator": "L4", "use_gpu": True},
        "runtime": {"predict_concurrency": 40},
    }


def wait_until_active(server, pushed, key=ANY_KEY):
    """What `truss push --wait` does, which asks a host that is in its code."""

    def is_active():
        shown = ask(server, "GET", f"/b10/v1/models/{pushed.model}/deployments/{pushed.deployment}", key)
        assert shown["status"] in ("BUILDING", "DEPLOYING", "LOADING_MODEL", "UPDATING", "ACTIVE"), shown
        return shown["status"] == "ACTIVE"

    wait_until(is_active)


def wait_until(is_so):
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def delete_model(server, pushed, key=ANY_KEY):
    ask(server, "DELETE", f"/b10/v1/models/{pushed.model}", key)


def models(server, key=ANY_KEY):
    """Returns the names of all models."""
    answer = graphql(server, "{ models(all: true) { name } }", key=key)
    return [model["name"] for model in answer["data"]["models"]]


def graphql(server, query, key=ANY_KEY, **variables):
    """Returns the answer to a query, whatever it says."""
    return ask(server, "POST", "/graphql/", key, json={"query": query, "variables": variables})


def ask(server, method, path, key=ANY_KEY, **body):
    response = requests.request(method, server.url + path, headers={"Authorization": f"Api-Key {key}"}, **body)
    assert response.ok, response.text
    return response.json()

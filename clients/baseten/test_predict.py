"""What tutorial 3 does with what it has pushed, and the other paths below the address of a model."""

import ast
import json
import subprocess
import sys

import numpy as np
import pytest
import requests
from openai import AuthenticationError, NotFoundError, OpenAI

from golden import DIMENSIONS, assert_close, plain
from pushes import ANY_KEY, KEY, Truss, delete_model, embeddings_of, environment, wait_until_active

# In the tutorial's own words; the address and the key are put in.
ADDRESS = "https://model-xxx.api.baseten.co"

CURL = """
curl -X POST https://model-xxx.api.baseten.co/development/predict \\
        -H "Authorization: Api-Key YOUR_API_KEY" \\
        -d '{"input": "text string"}'
"""

SNIPPET = """
import os
import requests

resp = requests.post(
    "https://model-xxx.api.baseten.co/environments/production/predict",
    headers={"Authorization": f"Api-Key {os.environ['BASETEN_API_KEY']}"},
    json={"input": ["text string", "second string"]},
)

print(resp.json())
"""


def run_curl(text, **variables):
    done = subprocess.run(["sh", "-c", text], env=environment(**variables), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run_python(text, **variables):
    command = [sys.executable, "-c", text]
    done = subprocess.run(command, env=environment(**variables), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout)


def test_tutorial_3_calls_its_model(pushed):
    alone = run_curl(CURL.replace(ADDRESS, pushed.endpoint).replace("YOUR_API_KEY", ANY_KEY))
    both = run_python(SNIPPET.replace(ADDRESS, pushed.endpoint), BASETEN_API_KEY=ANY_KEY)
    assert_tutorial_3(alone, both)


def assert_tutorial_3(alone, both):
    assert alone["object"] == "list" and alone["usage"]["prompt_tokens"] > 0
    alone, both = embeddings_of(alone), embeddings_of(both)
    assert (np.shape(alone), np.shape(both)) == ((1, DIMENSIONS), (2, DIMENSIONS))
    assert_close(both[:1], alone)
    assert np.abs(np.subtract(both[0], both[1])).max() > 0.01


def test_tutorial_3_to_the_letter(pushed, variables_of_proxy):
    """Through `sembla proxy`, with the host that the model has over there."""
    name = f"model-{pushed.model}"
    curl = CURL.replace("model-xxx", name).replace("YOUR_API_KEY", ANY_KEY)
    alone = run_curl(curl, **variables_of_proxy)
    snippet = SNIPPET.replace("model-xxx", name)
    both = run_python(snippet, BASETEN_API_KEY=ANY_KEY, **variables_of_proxy)
    assert_tutorial_3(alone, both)


@pytest.mark.parametrize("where", ["production", "development", "environments/production", "deployment"])
def test_every_way_to_a_deployment_gives_the_vectors_of_the_reference(pushed, where):
    where = f"{where}/{pushed.deployment}" if where == "deployment" else where
    texts, expected = plain(8)
    assert_close(pushed.predict(f"{where}/predict", texts), expected)
    assert_close(pushed.predict(f"{where}/sync/v1/embeddings", texts), expected)


def test_more_texts_than_the_start_command_takes(pushed):
    """--max-client-batch-size is 32, which bounds the requests of a server that pads; here bytes bound them."""
    texts, expected = plain(3)
    assert_close(pushed.predict("production/predict", texts * 20), np.tile(expected, (20, 1)))


def test_openai(pushed):
    client = OpenAI(base_url=f"{pushed.endpoint}/environments/production/sync/v1", api_key=ANY_KEY, max_retries=0)
    texts, expected = plain(5)
    answer = client.embeddings.create(model="any", input=texts)
    assert_close([item.embedding for item in answer.data], expected)
    client = OpenAI(base_url=f"{pushed.endpoint}/environments/no-such/sync/v1", api_key=ANY_KEY, max_retries=0)
    with pytest.raises(NotFoundError) as caught:
        client.embeddings.create(model="any", input="a")
    # It shows no errors of Baseten's shape, but keeps them.
    assert "no-such" in caught.value.body


def test_the_other_routes_of_the_server_behind_it(pushed):
    texts, expected = plain(2)
    base = f"{pushed.endpoint}/production/sync"
    assert_close(requests.post(f"{base}/embed", json={"inputs": texts}).json(), expected)
    # What keeps a model awake that is watched.
    assert requests.get(f"{base}/health").status_code == 200
    missing = requests.post(f"{base}/no-such-route", json={})
    assert missing.status_code == 404


def test_what_is_not_there_is_not_found_and_named(plane, pushed):
    for path, words in [
        (f"{pushed.endpoint}/environments/qa/predict", "qa"),
        (f"{pushed.endpoint}/deployment/abc/predict", "abc"),
        (f"{plane.url}/b10/model-abc/production/predict", "abc"),
        (f"{pushed.endpoint}/predict", "predict"),
    ]:
        response = requests.post(path, json={"input": "a"})
        assert response.status_code == 404, path
        assert words in response.json()["error"]


def test_a_body_that_cannot_be_is_refused_by_the_model(pushed):
    for body in (b"{", b'{"input": 1}', b"{}"):
        response = requests.post(f"{pushed.endpoint}/production/predict", data=body)
        assert response.status_code in (400, 422), response.text
        assert response.json()["error"]


def test_keys(locked, write_truss, tiny_model, tmp_path):
    pushed = Truss(tmp_path, locked.url, KEY).push(write_truss(tiny_model))
    wait_until_active(locked, pushed, KEY)
    url = f"{pushed.endpoint}/production/predict"
    for scheme in ("Api-Key", "Bearer"):
        response = requests.post(url, headers={"Authorization": f"{scheme} {KEY}"}, json={"input": "a"})
        assert response.status_code == 200, response.text
        response = requests.post(url, headers={"Authorization": f"{scheme} wrong"}, json={"input": "a"})
        assert response.status_code == 401 and "key" in response.json()["error"], response.text
    assert requests.post(url, json={"input": "a"}).status_code == 401
    with pytest.raises(AuthenticationError):
        client = OpenAI(base_url=f"{pushed.endpoint}/production/sync/v1", api_key="wrong", max_retries=0)
        client.embeddings.create(model="any", input="a")
    delete_model(locked, pushed, KEY)

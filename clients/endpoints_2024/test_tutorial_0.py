"""Tutorial 0 from `create_inference_endpoint` to `delete`, with the client that it was written for, through
`sembla proxy`.

Its steps stand here in its own words. Configuration values differ (the model and how many dimensions it has), the
documents are ours, and `asyncio.run` stands where a notebook has a bare `await`.
"""

import asyncio
import json
import time

import numpy as np
import pytest
import requests
from huggingface_hub import create_inference_endpoint, get_inference_endpoint, list_inference_endpoints, whoami
from huggingface_hub.utils import HfHubHTTPError
from tqdm.auto import tqdm

from control_plane import MINILM, MINILM_COMMIT, WAIT, error_of
from golden import DIMENSIONS, assert_close, plain

ENDPOINT_NAME = "boru-jina-embeddings-demo-ie"

MAX_WORKERS = 5
ROW_COUNT = 100

VENDOR = "aws"
REGION = "us-east-1"
INSTANCE_SIZE = "x1"
INSTANCE_TYPE = "nvidia-a10g"

pytestmark = pytest.mark.usefixtures("proxied")


def test_tutorial_0_from_its_first_step_to_its_last(capsys):
    who = whoami()
    organization = ""

    namespace = organization or who["name"]

    texts, expected = plain(50)
    documents = [{"content": text} for text in texts * 2][:ROW_COUNT]

    try:
        endpoint = create_inference_endpoint(
            ENDPOINT_NAME,
            repository=MINILM,
            revision=MINILM_COMMIT,
            task="sentence-embeddings",
            framework="pytorch",
            accelerator="gpu",
            instance_size=INSTANCE_SIZE,
            instance_type=INSTANCE_TYPE,
            region=REGION,
            vendor=VENDOR,
            namespace=namespace,
            custom_image={
                "health_route": "/health",
                "env": {
                    "MAX_BATCH_TOKENS": str(MAX_WORKERS * 2048),
                    "MAX_CONCURRENT_REQUESTS": "512",
                    "MODEL_ID": "/repository",
                },
                "url": "ghcr.io/huggingface/text-embeddings-inference:0.5.0",
            },
            type="protected",
        )
    except:
        endpoint = [ie for ie in list_inference_endpoints(namespace=namespace) if ie.name == ENDPOINT_NAME][0]
        print("Loaded endpoint")
    # The bare `except` takes whatever goes wrong for a name that is taken.
    assert "Loaded endpoint" not in capsys.readouterr().out
    assert (endpoint.status, endpoint.url) in [("pending", None), ("initializing", None)]
    assert_shown_as_sent(endpoint)

    endpoint.wait()
    assert endpoint.status == "running"

    response = endpoint.client.post(json={"inputs": 'This sound track was beautiful! It paints the senery in your mind so well I would recomend it even to people who hate vid. game music!', 'truncate': True}, task="feature-extraction")
    response = np.array(json.loads(response.decode()))
    assert len(response[0][:20]) == 20
    assert response.shape == (1, DIMENSIONS)

    embedding_input = 'This input will get multiplied' * 10000
    print(f'The length of the embedding_input is: {len(embedding_input)}')
    response = endpoint.client.post(json={"inputs": embedding_input, 'truncate': True}, task="feature-extraction")
    response = np.array(json.loads(response.decode()))
    assert len(response[0][:20]) == 20

    async def request(document, semaphore):
        # Semaphore guard
        async with semaphore:
            result = await endpoint.async_client.post(json={"inputs": document['content'], 'truncate': True}, task="feature-extraction")
            result = np.array(json.loads(result.decode()))
            document['embedding'] = result[0]  # Assuming the API's output can be directly assigned
            return document

    async def main(documents):
        # Semaphore to limit concurrent requests. Adjust the number as needed.
        semaphore = asyncio.BoundedSemaphore(MAX_WORKERS)

        # Creating a list of tasks
        tasks = [request(document, semaphore) for document in documents]

        # Using tqdm to show progress. It's been integrated into the async loop.
        for f in tqdm(asyncio.as_completed(tasks), total=len(documents)):
            await f

    start = time.perf_counter()

    # Get embeddings
    asyncio.run(main(documents))

    # Make sure we got it all
    count = 0
    for document in documents:
        if 'embedding' in document.keys() and len(document['embedding']) == DIMENSIONS:
            count += 1
    print(f'Embeddings = {count} documents = {len(documents)}')

    # Print elapsed time
    elapsed_time = time.perf_counter() - start
    minutes, seconds = divmod(elapsed_time, 60)
    print(f"{int(minutes)} min {seconds:.2f} sec")

    assert (count, len(documents)) == (ROW_COUNT, ROW_COUNT)
    assert_close([document["embedding"] for document in documents], np.concatenate([expected, expected]))

    url = endpoint.url
    endpoint = endpoint.pause()

    print(f"Endpoint Status: {endpoint.status}")
    assert "Endpoint Status: paused" in capsys.readouterr().out
    assert endpoint.url is None
    # Not 503, which this client's `post` would repeat every second for ever.
    response = requests.post(url, json={"inputs": "a"}, headers={"Authorization": "Bearer hf_any"})
    assert 400 <= response.status_code < 500
    assert "paused" in error_of(response)

    endpoint = endpoint.delete()

    if not endpoint:
        print('Endpoint deleted successfully')
    else:
        print('Delete Endpoint in manually')
    assert "Endpoint deleted successfully" in capsys.readouterr().out
    assert ENDPOINT_NAME not in [ie.name for ie in list_inference_endpoints(namespace=namespace)]


def assert_shown_as_sent(endpoint):
    """What `InferenceEndpoint` makes of the answer is what the tutorial sent."""
    assert (endpoint.name, endpoint.repository, endpoint.revision) == (ENDPOINT_NAME, MINILM, MINILM_COMMIT)
    assert (endpoint.framework, endpoint.task, endpoint.type) == ("pytorch", "sentence-embeddings", "protected")
    # The client parses both, and refuses any other form than `2022-08-19T07:19:38.123Z`.
    assert endpoint.created_at <= endpoint.updated_at
    image = endpoint.raw["model"]["image"]["custom"]
    assert image["healthRoute"] == endpoint.raw["healthRoute"] == "/health"
    assert image["env"]["MAX_BATCH_TOKENS"] == "10240"
    assert endpoint.raw["compute"]["scaling"] == {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": None}
    assert endpoint.raw["compute"]["instanceType"] == INSTANCE_TYPE
    assert endpoint.raw["provider"] == {"vendor": VENDOR, "region": REGION}


@pytest.fixture
def endpoint(proxied):
    """An endpoint that runs, of text-embeddings-inference's image."""
    endpoint = create("an-endpoint")
    yield endpoint.wait(**WAIT)
    endpoint.delete()


def create(name, **changes):
    arguments = {
        "repository": MINILM,
        "framework": "pytorch",
        "task": "sentence-embeddings",
        "accelerator": "cpu",
        "instance_size": "x1",
        "instance_type": "intel-icl",
        "region": REGION,
        "vendor": VENDOR,
        "custom_image": {"url": "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9"},
    }
    return create_inference_endpoint(name, **(arguments | changes))


def test_a_name_that_is_taken_is_refused_and_its_endpoint_found(endpoint):
    with pytest.raises(HfHubHTTPError, match="an-endpoint") as caught:
        create("an-endpoint")
    assert caught.value.response.status_code == 400
    assert [found.name for found in list_inference_endpoints()] == ["an-endpoint"]
    assert get_inference_endpoint("an-endpoint").status == "running"


def test_an_unknown_endpoint_is_not_found():
    with pytest.raises(HfHubHTTPError) as caught:
        get_inference_endpoint("no-such-endpoint")
    assert caught.value.response.status_code == 404
    assert "no-such-endpoint" in error_of(caught.value.response)


def test_the_nulls_of_an_update_change_nothing(endpoint):
    before = endpoint.raw["compute"]
    # It sends the four other fields of `compute` and `scaling` as null.
    endpoint.update(max_replica=2)
    scaling = before["scaling"] | {"maxReplica": 2}
    assert endpoint.raw["compute"] == before | {"scaling": scaling}
    assert endpoint.status == "running"
    assert_embeds(endpoint)


def test_resume_brings_back_what_was_paused_and_refuses_what_runs(endpoint):
    # This version has no `running_ok`: it shows the refusal.
    with pytest.raises(HfHubHTTPError, match="already running") as caught:
        endpoint.resume()
    assert caught.value.response.status_code == 400
    assert endpoint.pause().status == "paused"
    assert endpoint.resume().url is None
    assert_embeds(endpoint.wait(**WAIT))


def test_a_request_wakes_what_was_scaled_to_zero(endpoint):
    assert endpoint.scale_to_zero().status == "scaledToZero"
    # Without its address there would be nothing to ask.
    assert_embeds(endpoint)
    assert endpoint.fetch().status == "running"


def assert_embeds(endpoint):
    texts, expected = plain(2)
    response = endpoint.client.post(json={"inputs": texts}, task="feature-extraction")
    assert_close(json.loads(response), expected)

"""What `endpoint.client` asks of an endpoint, and tutorial 1, which asks with requests."""

import asyncio

import numpy as np
import pytest
import requests
from huggingface_hub.errors import HfHubHTTPError

from control_plane import TEI, WAIT
from golden import DIMENSIONS, assert_close, plain


@pytest.mark.parametrize("image", [TEI, TEI["tei"]], ids=["tei", "custom"])
def test_the_client_embeds_and_compares(create, image):
    client = create(custom_image=image, task="sentence-embeddings").wait(**WAIT).client
    texts, expected = plain(5)
    assert_close(client.feature_extraction(texts[0]), expected[:1])
    assert_close(client.feature_extraction(texts, truncate=True, normalize=True), expected)
    scores = client.sentence_similarity(texts[0], other_sentences=texts[1:])
    assert_close(scores, expected[1:] @ expected[0])


def test_the_asynchronous_client_embeds(endpoint):
    texts, expected = plain(5)

    async def embed():
        client = endpoint.async_client
        return await asyncio.gather(*(client.feature_extraction(text) for text in texts))

    assert_close(np.concatenate(asyncio.run(embed())), expected)


def test_an_error_of_the_model_reaches_the_client_with_its_words(endpoint):
    with pytest.raises(HfHubHTTPError, match="256"):
        endpoint.client.feature_extraction("word " * 1000, truncate=False)


def test_the_settings_of_a_custom_image_are_kept(create):
    image = TEI["tei"] | {"env": {"MODEL_ID": "/repository", "MAX_BATCH_TOKENS": "512", "MAX_CONCURRENT_REQUESTS": "8"}}
    endpoint = create(custom_image=image).wait(**WAIT)
    info = requests.get(f"{endpoint.url.rstrip('/')}/info").json()
    assert (info["max_batch_tokens"], info["max_concurrent_requests"]) == (512, 8)
    texts, expected = plain(5)
    assert_close(endpoint.client.feature_extraction(texts), expected)


def test_tutorial_1_reads_embeddings_by_name_and_one_of_them_flat(create):
    # The tutorial clicks: the default image, and Sentence Embeddings for a task.
    endpoint = create(custom_image=None, task="sentence-embeddings").wait(**WAIT).url
    api_org = "<API_ORG_TOKEN>"

    headers = {"Authorization": f"Bearer {api_org}"}
    json_data = {"inputs": ["a happy dog", "a sad dog"]}
    res = requests.post(endpoint, headers=headers, json=json_data)
    assert res.status_code == 200
    assert list(res.json()) == ["embeddings"]
    assert len(res.json()["embeddings"]) == 2
    dim = len(res.json()["embeddings"][0])
    assert dim == DIMENSIONS

    batch, expected = plain(50)
    res = requests.post(endpoint, headers=headers, json={"inputs": batch})
    emb = res.json()["embeddings"]
    assert_close(emb, expected)

    # `index.query(xq, …)` is given this as it is: a list of floats, not a list of one list.
    res = requests.post(endpoint, headers=headers, json={"inputs": batch[0]})
    xq = res.json()["embeddings"]
    assert_close(xq, expected[0])

    res = requests.post(endpoint, headers=headers, json={"input": "misspelled"})
    assert res.status_code == 400
    assert "inputs" in res.json()["error"]

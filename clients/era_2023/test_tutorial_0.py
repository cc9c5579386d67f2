"""Tutorial 0's calls, with the client that it was written for: huggingface_hub 0.20.3."""

import asyncio
import json

import numpy as np
import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient

from golden import DIMENSIONS, assert_close, plain

REVIEW = (
    "This sound track was beautiful! It paints the senery in your mind so well I would recomend it even to people "
    "who hate vid. game music!"
)


@pytest.fixture(scope="module")
def client(server):
    return InferenceClient(server.url)


def test_post_gives_bytes_whose_first_row_is_the_embedding(client):
    response = client.post(json={"inputs": REVIEW, "truncate": True}, task="feature-extraction")
    response = np.array(json.loads(response.decode()))
    assert response.shape == (1, DIMENSIONS)
    assert_close(response[0], client.feature_extraction(REVIEW)[0])


def test_an_input_that_exceeds_the_context_is_truncated(client):
    text = "This input will get multiplied" * 10000
    response = client.post(json={"inputs": text, "truncate": True}, task="feature-extraction")
    assert np.array(json.loads(response.decode())).shape == (1, DIMENSIONS)


def test_documents_are_embedded_by_several_workers(server):
    texts, expected = plain(60)
    documents = [{"content": text} for text in texts]
    client = AsyncInferenceClient(server.url)

    async def request(document, semaphore):
        async with semaphore:
            body = {"inputs": document["content"], "truncate": True}
            result = await client.post(json=body, task="feature-extraction")
            document["embedding"] = np.array(json.loads(result.decode()))[0]

    async def main():
        semaphore = asyncio.BoundedSemaphore(5)
        await asyncio.gather(*(request(document, semaphore) for document in documents))

    asyncio.run(main())
    assert_close([document["embedding"] for document in documents], expected)


def test_feature_extraction_and_similarity_of_then(client):
    texts, expected = plain(4)
    assert_close(client.feature_extraction(texts[0]), expected[:1])
    got = client.sentence_similarity(texts[0], other_sentences=texts[1:])
    assert_close(got, expected[1:] @ expected[0])

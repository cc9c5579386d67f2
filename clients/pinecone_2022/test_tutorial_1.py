"""Tutorial 1, with the client that it was written for: pinecone-client 2.2.4.

Its steps stand here in its own words. Three things differ: the address of the index (the documented `openapi_config`),
the texts, and `report`, which makes our answer the object with `embeddings` that the tutorial's endpoint gives.

`SEMBLA_TEST_TEXTS` names a file with one text a line; `SEMBLA_TEST_SCALE=full` takes 50,000 of them, as the tutorial does.
"""

import itertools
import os
import time
from pathlib import Path

import numpy as np
import pinecone
import pytest
import requests
from pinecone.core.client.configuration import Configuration
from pinecone.core.client.exceptions import ApiException

from golden import DIMENSIONS
from scale import scale

QUERIES = [
    "A person on a horse jumps over a broken down airplane.",
    "A woman is walking across the street eating a banana, while a man is following with his briefcase.",
    "People on bicycles waiting at an intersection.",
]

WHO = ["A man", "A woman", "A child", "The dog", "An old couple", "A teacher", "Two friends", "The cyclist"]
DOES = ["eats", "paints", "carries", "watches", "repairs", "sells", "photographs", "throws away"]
HOW = ["a red", "a small", "a broken", "an expensive", "a wooden", "a wet", "a borrowed", "a shiny"]
WHAT = ["banana", "bicycle", "horse", "toy airplane", "briefcase", "guitar", "umbrella", "sandwich"]
WHERE = ["in the park", "on the street", "at home", "by the river", "near a stop light", "in a shop", "on a roof"]
WHEN = ["today", "at noon", "in the rain", "before lunch", "every day"]


@pytest.fixture(scope="module")
def passages():
    count = scale("tutorial_1_texts")
    if file := os.environ.get("SEMBLA_TEST_TEXTS"):
        texts = Path(file).read_text().splitlines()
    else:
        texts = [" ".join(words) + "." for words in itertools.product(WHEN, WHERE, WHO, DOES, HOW, WHAT)]
        # Neighbours that have little in common, and always the same ones.
        texts = texts[:: len(texts) // count]
    texts = list(dict.fromkeys(texts))[:count]
    assert len(texts) == count
    return texts


@pytest.fixture
def index_name(server):
    """The client, ready to make the index."""
    index_name = "hf-endpoints"
    # One address for both planes, which names the index.
    configuration = Configuration(host=f"{server.url}/pinecone/legacy/{index_name}")
    pinecone.init(api_key="YOUR_API_KEY", environment="YOUR_ENVIRONMENT", openapi_config=configuration)
    yield index_name
    if index_name in pinecone.list_indexes():
        pinecone.delete_index(index_name)


def test_tutorial_1_from_its_first_step_to_its_last(server, index_name, passages, figure):
    endpoint = f"{server.url}/embed"
    headers = {"Authorization": "Bearer <API_ORG_TOKEN>"}
    json_data = {"inputs": ["a happy dog", "a sad dog"], "report": True}
    res = requests.post(endpoint, headers=headers, json=json_data)
    assert res.status_code == 200
    assert len(res.json()["embeddings"]) == 2
    dim = len(res.json()["embeddings"][0])
    assert dim == DIMENSIONS

    if index_name not in pinecone.list_indexes():
        pinecone.create_index(index_name, dimension=dim, metric="cosine")
    index = pinecone.Index(index_name)

    session = requests.Session()
    batch_size = 64
    embeddings = []
    seconds = {"embedding": 0.0, "upserting": 0.0}
    for i in range(0, len(passages), batch_size):
        i_end = min(i + batch_size, len(passages))
        batch = passages[i:i_end]
        began = time.monotonic()
        res = session.post(endpoint, headers=headers, json={"inputs": batch, "report": True})
        emb = res.json()["embeddings"]
        embedded = time.monotonic()
        meta = [{"text": text} for text in batch]
        ids = [str(x) for x in range(i, i_end)]
        to_upsert = list(zip(ids, emb, meta))
        _ = index.upsert(vectors=to_upsert)
        seconds["embedding"] += embedded - began
        seconds["upserting"] += time.monotonic() - embedded
        embeddings.extend(np.asarray(emb, dtype=np.float32))

    stats = index.describe_index_stats().to_dict()
    assert stats["dimension"] == dim
    assert stats["total_vector_count"] == len(passages)
    assert stats["namespaces"] == {"": {"vector_count": len(passages)}}

    matrix = np.asarray(embeddings)
    asked = []
    # The tutorial asks three; with these there are a hundred for which numpy must find the same.
    for query in QUERIES + [f"{text} Why?" for text in passages[:97]]:
        res = session.post(endpoint, headers=headers, json={"inputs": query, "report": True})
        # A list of one embedding, which the tutorial passes on as it is.
        xq = res.json()["embeddings"]
        began = time.monotonic()
        xc = index.query(xq, top_k=5, include_metadata=True)
        asked.append(time.monotonic() - began)
        assert_nearest(xc["matches"], matrix, np.asarray(xq[0], dtype=np.float32), passages)
    figure(
        f"{len(passages)} texts embedded in {seconds['embedding']:.1f} s and upserted in {seconds['upserting']:.1f} s, "
        f"batches of {batch_size}; {len(asked)} queries, median {sorted(asked)[len(asked) // 2] * 1000:.1f} ms"
    )

    pinecone.delete_index(index_name)
    assert index_name not in pinecone.list_indexes()


def assert_nearest(matches, matrix, query, passages):
    """The five are those of exact search, in its order; texts that are equally near may change places."""
    scores = matrix.astype(np.float64) @ query.astype(np.float64)
    best = np.sort(scores)[::-1][:5]
    rows = [int(match["id"]) for match in matches]
    assert len(set(rows)) == 5
    assert np.abs(scores[rows] - best).max() < 1e-6
    assert np.abs([match["score"] for match in matches] - best).max() < 1e-5
    assert [match["metadata"]["text"] for match in matches] == [passages[row] for row in rows]


def test_what_the_client_of_then_can_do_besides(index_name):
    pinecone.create_index(index_name, dimension=3, metric="dotproduct")
    description = pinecone.describe_index(index_name)
    assert (description.dimension, description.metric, description.status["ready"]) == (3, "dotproduct", True)
    index = pinecone.Index(index_name)
    index.upsert([("a", [1.0, 0.0, 0.0], {"lang": "en"}), ("b", [0.0, 1.0, 0.0], {"lang": "de"})], namespace="n")
    sparse = {"indices": [7], "values": [2.0]}
    index.upsert([{"id": "c", "values": [0.0, 0.0, 1.0], "sparse_values": sparse}], namespace="n")
    assert index.fetch(["a", "c"], namespace="n")["vectors"]["a"]["values"] == [1, 0, 0]
    index.update("a", set_metadata={"lang": "fr"}, namespace="n")
    found = index.query(
        [1.0, 1.0, 1.0],
        sparse_vector={"indices": [7], "values": [1.0]},
        filter={"lang": {"$exists": False}},
        top_k=3,
        namespace="n",
    )
    assert [(match["id"], match["score"]) for match in found["matches"]] == [("c", 3.0)]
    assert index.describe_index_stats(filter={"lang": "fr"})["total_vector_count"] == 1
    index.delete(ids=["a"], namespace="n")
    index.delete(filter={"lang": "de"}, namespace="n")
    assert index.describe_index_stats().to_dict()["namespaces"] == {"n": {"vector_count": 1}}
    index.delete(delete_all=True, namespace="n")
    assert index.describe_index_stats()["total_vector_count"] == 0
    pinecone.delete_index(index_name)


def test_an_error_reaches_the_client_of_then_with_its_words(index_name):
    pinecone.create_index(index_name, dimension=3)
    index = pinecone.Index(index_name)
    with pytest.raises(ApiException, match="has 2 dimensions, and index `hf-endpoints` has 3"):
        index.upsert([("a", [1.0, 0.0])])
    with pytest.raises(ApiException, match="unknown filter operator `.near`"):
        index.query([1.0, 0.0, 0.0], top_k=1, filter={"year": {"$near": 2020}})
    with pytest.raises(ApiException, match="there is an index `hf-endpoints` already"):
        pinecone.create_index(index_name, dimension=3)
    pinecone.delete_index(index_name)

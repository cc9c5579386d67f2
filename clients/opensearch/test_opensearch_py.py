"""opensearch-py itself: its calls, and its exceptions for what goes wrong."""

import asyncio

import numpy as np
import pytest
from opensearchpy import AsyncOpenSearch, ConflictError, NotFoundError, OpenSearch, RequestError
from opensearchpy.helpers import BulkIndexError, bulk

MAPPING = {
    "settings": {"index": {"knn": True}},
    "mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 2}, "lang": {"type": "keyword"}}},
}


@pytest.fixture
def client(opensearch_url):
    with OpenSearch(opensearch_url) as client:
        yield client


@pytest.fixture
def index(client, index_name):
    client.indices.create(index=index_name, body=MAPPING)
    yield index_name
    client.indices.delete(index=index_name)


def nearest(k, **options):
    return {"size": k, "query": {"knn": {"v": {"vector": [1.0, 0.0], "k": k} | options}}}


def ids(answer):
    return [hit["_id"] for hit in answer["hits"]["hits"]]


def test_the_life_of_an_index(client, index_name):
    assert client.info()["version"]["distribution"] == "opensearch"
    assert client.ping()
    assert not client.indices.exists(index=index_name)
    assert client.indices.create(index=index_name, body=MAPPING)["acknowledged"]
    assert client.indices.exists(index=index_name)
    assert client.indices.get_mapping(index=index_name)[index_name]["mappings"] == MAPPING["mappings"]
    assert client.indices.get(index=index_name)[index_name]["settings"]["index"]["knn"] == "true"
    with pytest.raises(RequestError, match="resource_already_exists_exception"):
        client.indices.create(index=index_name, body=MAPPING)
    assert client.indices.delete(index=index_name)["acknowledged"]
    with pytest.raises(NotFoundError, match="index_not_found_exception"):
        client.indices.get(index=index_name)


def test_the_life_of_a_document(client, index):
    document = {"v": [0.1, 0.25], "lang": "en", "nested": {"a": [1, None, "x"]}}
    assert client.index(index=index, id="1", body=document)["result"] == "created"
    assert client.get(index=index, id="1")["_source"] == document
    assert client.exists(index=index, id="1")
    with pytest.raises(ConflictError, match="version_conflict_engine_exception"):
        client.create(index=index, id="1", body=document)
    assert client.update(index=index, id="1", body={"doc": {"lang": "de"}})["_version"] == 2
    assert client.get(index=index, id="1", _source_includes="lang")["_source"] == {"lang": "de"}
    assert client.delete(index=index, id="1")["result"] == "deleted"
    with pytest.raises(NotFoundError):
        client.get(index=index, id="1")


def test_a_bulk_is_counted_and_found(client, index):
    rows = np.random.default_rng(7).normal(size=(200, 2))
    actions = [
        {"_index": index, "_id": str(row), "v": values.tolist(), "lang": "en" if row % 2 else "de"}
        for row, values in enumerate(rows)
    ]
    written, failed = bulk(client, actions, chunk_size=64)
    assert (written, failed) == (200, [])
    client.indices.refresh(index=index)
    assert client.count(index=index)["count"] == 200
    order = np.argsort(((rows - [1, 0]) ** 2).sum(axis=1))
    assert ids(client.search(index=index, body=nearest(10))) == [str(row) for row in order[:10]]
    english = [str(row) for row in order if row % 2][:10]
    assert ids(client.search(index=index, body=nearest(10, filter={"term": {"lang": "en"}}))) == english
    answer = client.search(index=index, body={"size": 3, "query": {"term": {"lang": "de"}}, "_source": False})
    assert answer["hits"]["total"] == {"value": 100, "relation": "eq"}
    assert all("_source" not in hit for hit in answer["hits"]["hits"])
    bulk(client, ({"_op_type": "delete", "_index": index, "_id": str(row)} for row in range(100)))
    assert client.count(index=index)["count"] == 100


def test_what_is_wrong_with_a_document_is_said_of_it_alone(client, index):
    actions = [
        {"_index": index, "_id": "good", "v": [1, 0]},
        {"_index": index, "_id": "short", "v": [1]},
        {"_index": index, "_id": "bare", "lang": "en"},
    ]
    with pytest.raises(BulkIndexError) as caught:
        bulk(client, actions)
    failed = {item["index"]["_id"]: item["index"]["error"]["reason"] for item in caught.value.errors}
    assert set(failed) == {"short", "bare"}
    assert "1" in failed["short"] and "2" in failed["short"]
    assert "[v]" in failed["bare"]
    assert ids(client.search(index=index, body=nearest(5))) == ["good"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"fuzzy": {"lang": "en"}}, "fuzzy"),
        ({"knn": {"w": {"vector": [1, 0], "k": 1}}}, "w"),
        ({"knn": {"v": {"vector": [1, 0, 0], "k": 1}}}, "dimensions"),
        ({"knn": {"v": {"vector": [1, 0], "k": 0}}}, "k"),
    ],
)
def test_a_query_that_is_not_served_is_refused(client, index, query, named):
    with pytest.raises(RequestError) as caught:
        client.search(index=index, body={"query": query})
    assert named in caught.value.info["error"]["reason"]


def test_the_asynchronous_client(opensearch_url, index):
    async def run():
        async with AsyncOpenSearch(opensearch_url) as client:
            await client.index(index=index, id="1", body={"v": [1, 0]})
            return await client.search(index=index, body=nearest(1))

    assert ids(asyncio.run(run())) == ["1"]


def test_the_key_of_a_server_is_the_password(serve, tiny_model):
    with serve("--model", tiny_model, "--api-key", "secret") as server:
        with OpenSearch(f"{server.url}/os", http_auth=("anybody", "secret")) as client:
            assert client.indices.create(index="mine", body=MAPPING)["acknowledged"]
        with OpenSearch(f"{server.url}/os", http_auth=("anybody", "guessed")) as client:
            assert not client.ping()


def test_documents_are_there_after_a_restart(serve, tiny_model, tmp_path):
    def serving():
        return serve("--model", tiny_model, "--data-dir", tmp_path / "data")

    with serving() as server, OpenSearch(f"{server.url}/os") as client:
        client.indices.create(index="kept", body=MAPPING)
        client.index(index="kept", id="1", body={"v": [1, 0], "lang": "en"})
        server.kill()
    with serving() as server, OpenSearch(f"{server.url}/os") as client:
        assert client.indices.get_mapping(index="kept")["kept"]["mappings"] == MAPPING["mappings"]
        assert client.get(index="kept", id="1")["_source"] == {"v": [1, 0], "lang": "en"}
        assert ids(client.search(index="kept", body=nearest(1))) == ["1"]

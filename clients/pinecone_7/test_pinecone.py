"""The hosted service's calls, with pinecone 7.3.0."""

import uuid

import numpy as np
import pytest
from pinecone import Pinecone, ServerlessSpec
from pinecone.exceptions import ForbiddenException, NotFoundException, PineconeApiException

from golden import DIMENSIONS, assert_close, plain
from pinecone_records import FILTERS, RECORDS

MODEL = "all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def pc(server):
    return Pinecone(api_key="any", host=f"{server.url}/pinecone")


@pytest.fixture
def name(pc):
    name = f"docs-{uuid.uuid4().hex[:8]}"
    yield name
    if pc.has_index(name):
        pc.delete_index(name)


@pytest.fixture
def index(pc, name):
    """An index of three dimensions, with the records above."""
    pc.create_index(name=name, dimension=3, metric="cosine", spec=ServerlessSpec(cloud="aws", region="us-east-1"))
    index = pc.Index(host=pc.describe_index(name).host)
    assert index.upsert(vectors=RECORDS).upserted_count == 4
    return index


def test_an_index_is_created_described_configured_and_deleted(pc, name):
    spec = ServerlessSpec(cloud="gcp", region="europe-west4")
    created = pc.create_index(
        name=name, dimension=8, metric="euclidean", spec=spec, deletion_protection="enabled", tags={"team": "search"}
    )
    assert (created.name, created.dimension, created.metric) == (name, 8, "euclidean")
    assert created.status.ready
    assert created.tags.to_dict() == {"team": "search"}
    assert name in pc.list_indexes().names()
    with pytest.raises(ForbiddenException, match="protected"):
        pc.delete_index(name)
    pc.configure_index(name, deletion_protection="disabled", tags={"team": "", "env": "test"})
    described = pc.describe_index(name)
    assert (described.deletion_protection, described.tags.to_dict()) == ("disabled", {"env": "test"})
    assert described.spec.serverless.region == "europe-west4"
    pc.delete_index(name)
    assert not pc.has_index(name)
    with pytest.raises(NotFoundException):
        pc.describe_index(name)


@pytest.mark.parametrize(("condition", "expected"), FILTERS)
def test_a_query_finds_what_passes_its_filter(index, condition, expected):
    found = index.query(vector=[1.0, 0.5, 0.1], top_k=10, filter=condition)
    assert sorted(match.id for match in found.matches) == expected


def test_a_query_returns_scores_metadata_and_values(index):
    found = index.query(vector=[2.0, 0.0, 0.0], top_k=2, include_metadata=True, include_values=True)
    assert [match.id for match in found.matches] == ["en/1", "en/2"]
    assert np.allclose([match.score for match in found.matches], [1, 0.8])
    assert found.matches[0].metadata == {"lang": "en", "year": 2019, "tags": ["a", "b"]}
    assert np.allclose(found.matches[1].values, [0.8, 0.6, 0])
    assert index.query(id="de/1", top_k=1).matches[0].id == "de/1"


def test_records_are_fetched_listed_updated_and_deleted(index):
    fetched = index.fetch(ids=["en/1", "nope"])
    assert list(fetched.vectors) == ["en/1"]
    assert fetched.vectors["en/1"].metadata["year"] == 2019
    assert [page for page in index.list(prefix="en/", limit=1)] == [["en/1"], ["en/2"]]
    index.update(id="en/1", values=[0.0, 0.0, 1.0], set_metadata={"year": 2025})
    changed = index.fetch(ids=["en/1"]).vectors["en/1"]
    assert (changed.values, changed.metadata["year"], changed.metadata["lang"]) == ([0, 0, 1], 2025, "en")
    index.delete(ids=["en/1"])
    index.delete(filter={"lang": "de"})
    assert [id for page in index.list() for id in page] == ["en/2", "none"]
    index.delete(delete_all=True)
    assert index.describe_index_stats().total_vector_count == 0


def test_namespaces_are_counted_listed_and_deleted(index):
    index.upsert(vectors=[("1", [1.0, 1.0, 1.0]), ("2", [1.0, 1.0, 0.0])], namespace="b")
    stats = index.describe_index_stats()
    assert (stats.dimension, stats.total_vector_count) == (3, 6)
    assert {name: stats.namespaces[name].vector_count for name in stats.namespaces} == {"__default__": 4, "b": 2}
    namespaces = {page.name: int(page.record_count) for page in index.list_namespaces()}
    assert namespaces == {"__default__": 4, "b": 2}
    assert int(index.describe_namespace(namespace="b").record_count) == 2
    assert [match.id for match in index.query(vector=[1.0, 1.0, 0.0], top_k=1, namespace="b").matches] == ["2"]
    index.delete_namespace(namespace="b")
    assert [page.name for page in index.list_namespaces()] == ["__default__"]
    with pytest.raises(NotFoundException):
        index.describe_namespace(namespace="b")


def test_sparse_values_add_to_the_dot_product(pc, name):
    pc.create_index(name=name, dimension=2, metric="dotproduct", spec=ServerlessSpec(cloud="aws", region="us-east-1"))
    index = pc.Index(host=pc.describe_index(name).host)
    sparse = {"indices": [3, 9], "values": [1.0, 2.0]}
    index.upsert(vectors=[{"id": "a", "values": [1.0, 0.0]}, {"id": "b", "values": [1.0, 0.0], "sparse_values": sparse}])
    found = index.query(vector=[1.0, 0.0], sparse_vector={"indices": [9], "values": [0.5]}, top_k=2)
    assert [(match.id, match.score) for match in found.matches] == [("b", 2.0), ("a", 1.0)]


def test_texts_are_embedded_with_our_model(pc):
    texts, expected = plain(4)
    answer = pc.inference.embed(model=MODEL, inputs=texts, parameters={"input_type": "passage", "truncate": "END"})
    assert_close([embedding.values for embedding in answer.data], expected)
    assert answer.usage.total_tokens > len(texts)


def test_records_go_in_as_text_and_come_out_as_hits(pc, name):
    created = pc.create_index_for_model(
        name=name, cloud="aws", region="us-east-1", embed={"model": MODEL, "field_map": {"text": "chunk_text"}}
    )
    assert (created.embed.model, created.dimension) == (MODEL, DIMENSIONS)
    index = pc.Index(host=created.host)
    index.upsert_records(
        "faq",
        [
            {"_id": "1", "chunk_text": "A horse jumps over a toy airplane.", "kind": "animal"},
            {"_id": "2", "chunk_text": "Interest rates went up again.", "kind": "news"},
            {"_id": "3", "chunk_text": "A dog sleeps on the sofa.", "kind": "animal"},
        ],
    )
    found = index.search("faq", query={"inputs": {"text": "an animal that rests"}, "top_k": 2}, fields=["chunk_text"])
    hits = found.result.hits
    assert [hit._id for hit in hits] == ["3", "1"]
    assert hits[0].fields == {"chunk_text": "A dog sleeps on the sofa."}
    news = {"inputs": {"text": "an animal that rests"}, "top_k": 2, "filter": {"kind": "news"}}
    assert [hit._id for hit in index.search("faq", query=news).result.hits] == ["2"]


def test_no_reranker_is_loaded(pc):
    with pytest.raises(PineconeApiException, match="no reranker is loaded"):
        pc.inference.rerank(model="bge-reranker-v2-m3", query="a", documents=["b", "c"])


def test_errors_reach_the_client_with_their_words(index):
    for vectors, words in [
        ([("a", [1.0, 0.0])], "has 2 dimensions"),
        ([("a", [0.0, 0.0, 0.0])], "all zeros"),
        ([("a", [1.0, float("nan"), 0.0])], "NaN is not a number"),
        ([("a", [1.0, 0.0, 0.0]), ("a", [1.0, 0.0, 0.0])], "comes twice"),
        # 512 characters, which the client lets through, and 513 bytes, which the server does not.
        ([("é" + "a" * 511, [1.0, 0.0, 0.0])], "1 to 512 bytes"),
        ([("a", [1.0, 0.0, 0.0], {"nested": {"b": 1}})], "is an object"),
    ]:
        with pytest.raises(PineconeApiException, match=words) as refused:
            index.upsert(vectors=vectors)
        assert refused.value.status == 400
    with pytest.raises(PineconeApiException, match="unknown filter operator `.near`"):
        index.query(vector=[1.0, 0.0, 0.0], top_k=1, filter={"year": {"$near": 2020}})

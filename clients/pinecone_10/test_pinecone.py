"""The hosted service's calls, with pinecone 10.2.0."""

import uuid

import numpy as np
import pytest
from pinecone import Pinecone, ServerlessSpec
from pinecone.errors import ApiError, ConflictError, ForbiddenError, NotFoundError

from golden import DIMENSIONS, assert_close, plain
from pinecone_records import FILTERS, RECORDS

MODEL = "all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def pc(server):
    with Pinecone(api_key="any", host=f"{server.url}/pinecone") as pc:
        yield pc


@pytest.fixture
def name(pc):
    name = f"docs-{uuid.uuid4().hex[:8]}"
    yield name
    if pc.indexes.exists(name):
        pc.indexes.delete(name)


@pytest.fixture
def index(pc, name):
    """An index of three dimensions, with the records above."""
    pc.indexes.create(name=name, dimension=3, metric="cosine", spec=ServerlessSpec(cloud="aws", region="us-east-1"))
    with pc.index(name=name) as index:
        assert index.upsert(vectors=RECORDS).upserted_count == 4
        yield index


def test_an_index_is_created_described_configured_and_deleted(pc, name):
    schema = {"fields": {"_values": {"type": "dense_vector", "dimension": 8, "metric": "euclidean"}}}
    deployment = {"deployment_type": "managed", "cloud": "gcp", "region": "europe-west4"}
    created = pc.indexes.create(
        name=name, schema=schema, deployment=deployment, deletion_protection="enabled", tags={"team": "search"}
    )
    assert (created.name, created.dimension, created.metric) == (name, 8, "euclidean")
    assert created.status.ready
    assert dict(created.tags) == {"team": "search"}
    assert name in [index.name for index in pc.indexes.list()]
    with pytest.raises(ConflictError):
        pc.indexes.create(name=name, schema=schema, deployment=deployment)
    with pytest.raises(ForbiddenError, match="protected"):
        pc.indexes.delete(name)
    pc.indexes.configure(name, deletion_protection="disabled", tags={"team": "", "env": "test"})
    described = pc.indexes.describe(name)
    assert (described.deletion_protection, dict(described.tags)) == ("disabled", {"env": "test"})
    assert described.deployment.region == "europe-west4"
    pc.indexes.delete(name)
    assert not pc.indexes.exists(name)
    with pytest.raises(NotFoundError):
        pc.indexes.describe(name)


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
    pages = [[item.id for item in page.vectors] for page in index.list(prefix="en/", limit=1)]
    assert pages == [["en/1"], ["en/2"]]
    index.update(id="en/1", values=[0.0, 0.0, 1.0], set_metadata={"year": 2025})
    changed = index.fetch(ids=["en/1"]).vectors["en/1"]
    assert (list(changed.values), changed.metadata["year"], changed.metadata["lang"]) == ([0, 0, 1], 2025, "en")
    index.delete(ids=["en/1"])
    index.delete(filter={"lang": "de"})
    assert [item.id for page in index.list() for item in page.vectors] == ["en/2", "none"]
    index.delete(delete_all=True)
    assert index.describe_index_stats().total_vector_count == 0


def test_records_are_changed_and_fetched_by_their_metadata(index):
    english = {"lang": "en"}
    assert index.update(filter=english, set_metadata={"seen": True}, dry_run=True).matched_records == 2
    assert index.describe_index_stats(filter={"seen": True}).total_vector_count == 0
    assert index.update(filter=english, set_metadata={"seen": True}).matched_records == 2
    first = index.fetch_by_metadata(filter={"seen": True}, limit=1)
    assert list(first.vectors) == ["en/1"]
    second = index.fetch_by_metadata(filter={"seen": True}, limit=1, pagination_token=first.pagination.next)
    assert list(second.vectors) == ["en/2"]


def test_namespaces_are_counted_listed_and_deleted(index):
    index.upsert(vectors=[("1", [1.0, 1.0, 1.0]), ("2", [1.0, 1.0, 0.0])], namespace="b")
    stats = index.describe_index_stats()
    assert (stats.dimension, stats.total_vector_count) == (3, 6)
    assert {name: summary.vector_count for name, summary in stats.namespaces.items()} == {"__default__": 4, "b": 2}
    namespaces = {item.name: item.record_count for page in index.list_namespaces() for item in page.namespaces}
    assert namespaces == {"__default__": 4, "b": 2}
    assert index.describe_namespace(name="b").record_count == 2
    assert [match.id for match in index.query(vector=[1.0, 1.0, 0.0], top_k=1, namespace="b").matches] == ["2"]
    index.delete_namespace(name="b")
    with pytest.raises(NotFoundError):
        index.describe_namespace(name="b")


def test_sparse_vectors_beside_dense_ones_and_alone(pc, name):
    schema = {"fields": {"_values": {"type": "dense_vector", "dimension": 2, "metric": "dotproduct"}}}
    pc.indexes.create(name=name, schema=schema)
    index = pc.index(name=name)
    sparse = {"indices": [3, 9], "values": [1.0, 2.0]}
    index.upsert(vectors=[{"id": "a", "values": [1.0, 0.0]}, {"id": "b", "values": [1.0, 0.0], "sparse_values": sparse}])
    found = index.query(vector=[1.0, 0.0], sparse_vector={"indices": [9], "values": [0.5]}, top_k=2)
    assert [(match.id, match.score) for match in found.matches] == [("b", 2.0), ("a", 1.0)]
    pc.indexes.delete(name)
    pc.indexes.create(name=name, schema={"fields": {"_sparse_values": {"type": "sparse_vector"}}})
    index = pc.index(name=name)
    index.upsert(vectors=[{"id": "a", "sparse_values": sparse}])
    found = index.query(sparse_vector={"indices": [9], "values": [0.5]}, top_k=2)
    assert [(match.id, match.score) for match in found.matches] == [("a", 1.0)]


def test_many_records_go_in_by_parallel_batches(index):
    rows = np.random.default_rng(7).normal(size=(1_000, 3)).astype(np.float32)
    vectors = [(f"{row:04}", values.tolist()) for row, values in enumerate(rows)]
    answer = index.upsert(vectors=vectors, namespace="many", batch_size=50, show_progress=False)
    assert answer.upserted_count == 1_000
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    found = index.query(vector=units[5].tolist(), top_k=10, namespace="many")
    assert [int(match.id) for match in found.matches] == np.argsort(-(units @ units[5]))[:10].tolist()


def test_texts_are_embedded_with_our_model(pc):
    texts, expected = plain(4)
    answer = pc.inference.embed(model=MODEL, inputs=texts, parameters={"input_type": "passage", "truncate": "END"})
    assert_close([embedding.values for embedding in answer.data], expected)
    assert answer.usage.total_tokens > len(texts)
    assert MODEL in [model.model for model in pc.inference.list_models()]
    assert pc.inference.get_model(model=MODEL).default_dimension == DIMENSIONS


def test_records_go_in_as_text_and_come_out_as_hits(pc, name):
    created = pc.indexes.create_for_model(
        name=name, cloud="aws", region="us-east-1", embed={"model": MODEL, "field_map": {"text": "chunk_text"}}
    )
    assert created.schema.fields["chunk_text"].model == MODEL
    index = pc.index(name=name)
    records = [
        {"_id": "1", "chunk_text": "A horse jumps over a toy airplane.", "kind": "animal"},
        {"_id": "2", "chunk_text": "Interest rates went up again.", "kind": "news"},
        {"_id": "3", "chunk_text": "A dog sleeps on the sofa.", "kind": "animal"},
    ]
    assert index.upsert_records(namespace="faq", records=records).record_count == 3
    text = {"text": "an animal that rests"}
    hits = index.search(namespace="faq", inputs=text, top_k=2, fields=["chunk_text"]).result.hits
    assert [hit.id for hit in hits] == ["3", "1"]
    assert dict(hits[0].fields) == {"chunk_text": "A dog sleeps on the sofa."}
    news = index.search(namespace="faq", inputs=text, top_k=2, filter={"kind": "news"}).result.hits
    assert [hit.id for hit in news] == ["2"]
    near = index.search(namespace="faq", id="1", top_k=1).result.hits
    assert [hit.id for hit in near] == ["1"]


def test_no_reranker_is_loaded(pc):
    with pytest.raises(ApiError, match="no reranker is loaded"):
        pc.inference.rerank(model="bge-reranker-v2-m3", query="a", documents=["b", "c"])


def test_errors_reach_the_client_with_their_words(index):
    for vectors, words in [
        ([("a", [1.0, 0.0])], "has 2 dimensions"),
        ([("a", [0.0, 0.0, 0.0])], "all zeros"),
        ([("a", [1.0, 0.0, 0.0]), ("a", [1.0, 0.0, 0.0])], "comes twice"),
        ([("a" * 513, [1.0, 0.0, 0.0])], "1 to 512 bytes"),
    ]:
        with pytest.raises(ApiError, match=words) as refused:
            index.upsert(vectors=vectors)
        assert refused.value.status_code == 400
    with pytest.raises(ApiError, match="unknown filter operator `.near`"):
        index.query(vector=[1.0, 0.0, 0.0], top_k=1, filter={"year": {"$near": 2020}})

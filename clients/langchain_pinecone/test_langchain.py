"""LangChain's store over Pinecone, which finds the server by its environment variables alone."""

import uuid

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_pinecone import PineconeVectorStore
from pinecone import Pinecone, ServerlessSpec

from golden import DIMENSIONS

TEXTS = [
    ("A horse jumps over a toy airplane.", "animal"),
    ("Interest rates went up again.", "news"),
    ("A dog sleeps on the sofa.", "animal"),
    ("The election was close.", "news"),
]


class ByServer(Embeddings):
    """Embeds with the server's own model."""

    def __init__(self, server):
        self.server = server

    def embed_documents(self, texts):
        return self.server.post("/embed", {"inputs": texts}).json()

    def embed_query(self, text):
        return self.embed_documents([text])[0]


@pytest.fixture
def store(server, monkeypatch):
    monkeypatch.setenv("PINECONE_API_KEY", "any")
    monkeypatch.setenv("PINECONE_CONTROLLER_HOST", f"{server.url}/pinecone")
    pc, name = Pinecone(), f"docs-{uuid.uuid4().hex[:8]}"
    spec = ServerlessSpec(cloud="aws", region="us-east-1")
    pc.create_index(name=name, dimension=DIMENSIONS, metric="cosine", spec=spec)
    store = PineconeVectorStore(index_name=name, embedding=ByServer(server))
    documents = [Document(page_content=text, metadata={"kind": kind}) for text, kind in TEXTS]
    store.add_documents(documents, ids=[str(row) for row in range(len(TEXTS))])
    yield store
    pc.delete_index(name)


def test_documents_are_found_by_their_meaning(store):
    found = store.similarity_search("a resting animal", k=2)
    assert [document.page_content for document in found] == [TEXTS[2][0], TEXTS[0][0]]
    assert found[0].metadata == {"kind": "animal"}


def test_documents_are_found_with_scores_and_a_filter(store):
    found = store.similarity_search_with_score("a resting animal", k=4, filter={"kind": "news"})
    assert {document.page_content for document, _ in found} == {TEXTS[1][0], TEXTS[3][0]}
    assert found[0][1] >= found[1][1]


def test_documents_are_found_that_differ_from_each_other(store):
    found = store.max_marginal_relevance_search("a resting animal", k=3, fetch_k=4, lambda_mult=0.1)
    assert len({document.page_content for document in found}) == 3


def test_documents_are_found_by_id_and_deleted(store):
    assert [document.page_content for document in store.as_retriever(search_kwargs={"k": 1}).invoke("money")] == [
        TEXTS[1][0]
    ]
    store.delete(ids=["1"])
    assert TEXTS[1][0] not in [document.page_content for document in store.similarity_search("money", k=4)]
    store.delete(delete_all=True)
    assert store.similarity_search("money", k=4) == []

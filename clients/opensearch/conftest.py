"""A server that keeps indexes, and embeddings that it makes."""

import uuid

import pytest
from langchain_community.embeddings import HuggingFaceInferenceAPIEmbeddings

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="session")
def opensearch_url(server):
    return f"{server.url}/os"


@pytest.fixture(scope="session")
def embeddings(server):
    """LangChain's own client of an embedding endpoint, pointed at the server."""
    api_url = f"{server.url}/pipeline/feature-extraction/{MODEL}"
    return HuggingFaceInferenceAPIEmbeddings(api_key="any", model_name=MODEL, api_url=api_url)


@pytest.fixture
def index_name():
    return f"test_{uuid.uuid4().hex}"

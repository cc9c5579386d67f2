"""LangChain's embeddings of the Inference API, pointed at a server instead."""

from langchain_community.embeddings import HuggingFaceInferenceAPIEmbeddings

from golden import assert_close, plain

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def embeddings(server):
    return HuggingFaceInferenceAPIEmbeddings(
        api_key="any",
        model_name=MODEL,
        api_url=f"{server.url}/pipeline/feature-extraction/{MODEL}",
    )


def test_documents_come_back_in_order(server):
    texts, expected = plain(40)
    assert_close(embeddings(server).embed_documents(texts), expected)


def test_a_query_is_one_vector(server):
    texts, expected = plain(1)
    assert_close(embeddings(server).embed_query(texts[0]), expected[0])

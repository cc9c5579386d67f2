"""LlamaIndex's client of text-embeddings-inference."""

import asyncio

from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference

from golden import assert_close, plain


def embeddings(server):
    return TextEmbeddingsInference(model_name="all-MiniLM-L6-v2", base_url=server.url, embed_batch_size=16)


def test_documents_come_back_in_order(server):
    texts, expected = plain(40)
    assert_close(embeddings(server).get_text_embedding_batch(texts), expected)


def test_documents_come_back_in_order_without_waiting(server):
    texts, expected = plain(40)
    assert_close(asyncio.run(embeddings(server).aget_text_embedding_batch(texts)), expected)


def test_a_query_is_one_vector(server):
    texts, expected = plain(1)
    assert_close(embeddings(server).get_query_embedding(texts[0]), expected[0])

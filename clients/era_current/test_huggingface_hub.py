"""huggingface_hub's InferenceClient, pointed at a server as at an Inference Endpoint."""

import numpy as np
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from golden import DIMENSIONS, assert_close, plain, with_reference


@pytest.fixture(scope="module")
def client(server):
    return InferenceClient(server.url)


@pytest.fixture(scope="module")
def prompted(serve, tiny_model):
    """A client of a model that has prompts."""
    with serve("--model", tiny_model.parent / "tiny-bert-compact") as server:
        yield InferenceClient(server.url)


def test_feature_extraction_of_one_text(client):
    texts, expected = plain(1)
    assert_close(client.feature_extraction(texts[0]), expected)


def test_feature_extraction_of_a_list(client):
    texts, expected = plain(30)
    assert_close(client.feature_extraction(texts), expected)


def test_normalize_is_the_model_own_or_what_is_asked_for(client):
    texts, expected = plain(2)
    assert_close(client.feature_extraction(texts, normalize=True), expected)
    raw = client.feature_extraction(texts, normalize=False)
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    assert np.abs(lengths - 1).max() > 0.1
    assert_close(raw / lengths, expected)


def test_truncate_cuts_or_refuses(client):
    long = "word " * 1000
    cut = client.feature_extraction(long, truncate=True)
    # 256 tokens: two of them special.
    assert_close(cut, client.feature_extraction("word " * 254))
    with pytest.raises(HfHubHTTPError, match="256"):
        client.feature_extraction(long, truncate=False)


def test_truncation_direction_says_which_end_is_cut(client):
    text = "first " * 300 + "last " * 254
    left = client.feature_extraction(text, truncate=True, truncation_direction="left")
    assert_close(left, client.feature_extraction("last " * 254))
    right = client.feature_extraction(text, truncate=True, truncation_direction="right")
    assert_close(right, client.feature_extraction("first " * 254))


def test_dimensions_and_encoding_format_are_taken(client):
    texts, expected = plain(2)
    cut = expected[:, :100]
    got = client.feature_extraction(texts, dimensions=100, encoding_format="float")
    assert_close(got, cut / np.linalg.norm(cut, axis=1, keepdims=True))
    with pytest.raises(HfHubHTTPError, match=str(DIMENSIONS)):
        client.feature_extraction(texts, dimensions=DIMENSIONS + 1)


@pytest.mark.parametrize("prompt_name", ["query", "document"])
def test_a_prompt_stands_before_the_text(prompted, tiny_model, prompt_name):
    reference = tiny_model.parent / "tiny-bert-compact" / "reference"
    texts, expected = with_reference(reference, f"embeddings-{prompt_name}.f32")
    assert_close(prompted.feature_extraction(texts, prompt_name=prompt_name, normalize=False), expected)


def test_an_unknown_prompt_is_an_error_that_names_those_there_are(prompted):
    with pytest.raises(HfHubHTTPError, match="query"):
        prompted.feature_extraction("a text", prompt_name="no such prompt")


def test_sentence_similarity_is_the_cosine(client):
    texts, expected = plain(5)
    got = client.sentence_similarity(texts[0], other_sentences=texts[1:])
    assert_close(got, expected[1:] @ expected[0])


def test_an_endpoint_is_found_at_its_root_and_at_its_health_route(server):
    # What `InferenceEndpoint.wait` asks: 0.30 to 0.32 the root, later ones the health route.
    assert server.get("/").status == 200
    assert server.get("/health").status == 200

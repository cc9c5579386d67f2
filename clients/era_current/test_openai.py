"""The openai package, as its own documentation uses it."""

import asyncio
import base64

import numpy as np
import openai
import pytest

from golden import DIMENSIONS, assert_close, plain


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def two_models(serve, model, tiny_model):
    with serve("--model", f"minilm={model}", "--model", f"tiny={tiny_model}") as server:
        yield server


@pytest.fixture(scope="module")
def client_of_two(two_models):
    with openai.OpenAI(base_url=f"{two_models.url}/v1", api_key="any", max_retries=0) as client:
        yield client


def test_a_list_comes_back_in_order_in_the_format_that_the_client_asks_for_by_default(client):
    texts, expected = plain(20)
    answer = client.embeddings.create(model="any", input=texts)
    assert answer.object == "list"
    assert [item.index for item in answer.data] == list(range(20))
    assert_close([item.embedding for item in answer.data], expected)


def test_base64_and_float_are_the_same_numbers(client):
    texts, _ = plain(3)
    floats = client.embeddings.create(model="any", input=texts, encoding_format="float")
    packed = client.embeddings.create(model="any", input=texts, encoding_format="base64")
    for one, other in zip(floats.data, packed.data):
        bits = np.frombuffer(base64.b64decode(other.embedding), dtype="<f4")
        assert np.array_equal(np.float32(one.embedding), bits)


def test_one_text_is_a_list_of_one(client):
    texts, expected = plain(1)
    answer = client.embeddings.create(model="any", input=texts[0])
    assert_close([item.embedding for item in answer.data], expected)


def test_usage_counts_the_tokens_that_went_through_the_model(client):
    # "hello" and a token at each end.
    assert client.embeddings.create(model="any", input="hello").usage.prompt_tokens == 3
    usage = client.embeddings.create(model="any", input=["hello", "hello"]).usage
    assert (usage.prompt_tokens, usage.total_tokens) == (6, 6)


def test_fewer_dimensions_are_the_first_ones_at_length_one(client):
    texts, expected = plain(2)
    answer = client.embeddings.create(model="any", input=texts, dimensions=64)
    cut = expected[:, :64]
    assert_close([item.embedding for item in answer.data], cut / np.linalg.norm(cut, axis=1, keepdims=True))


@pytest.mark.parametrize("dimensions", [0, DIMENSIONS + 1])
def test_dimensions_that_the_model_does_not_have_are_a_bad_request(client, dimensions):
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="any", input="hello", dimensions=dimensions)
    # The SDK shows what stands in the nested error, and nothing else.
    assert caught.value.param == "dimensions"
    assert caught.value.type == "invalid_request_error"
    assert str(DIMENSIONS) in caught.value.message and str(dimensions) in caught.value.message


@pytest.mark.parametrize("nothing", ["", [], ["hello", ""]])
def test_nothing_to_embed_is_a_bad_request(client, nothing):
    with pytest.raises(openai.BadRequestError, match="input"):
        client.embeddings.create(model="any", input=nothing)


def test_token_ids_are_refused_and_the_remedy_is_named(client):
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
        client.embeddings.create(model="any", input=[[15339, 1917]])


def test_the_models_are_listed(client, client_of_two):
    assert len(client.models.list().data) == 1
    assert [model.id for model in client_of_two.models.list()] == ["minilm", "tiny"]
    assert client_of_two.models.retrieve("tiny").id == "tiny"


def test_the_model_field_chooses_between_two(client_of_two):
    texts, expected = plain(2)
    large = client_of_two.embeddings.create(model="minilm", input=texts)
    assert_close([item.embedding for item in large.data], expected)
    tiny = client_of_two.embeddings.create(model="tiny", input=texts)
    assert len(tiny.data[0].embedding) == 32
    assert (large.model, tiny.model) == ("minilm", "tiny")


def test_an_unknown_model_of_two_is_not_found_and_both_are_named(client_of_two):
    with pytest.raises(openai.NotFoundError) as caught:
        client_of_two.embeddings.create(model="text-embedding-3-small", input="hello")
    assert caught.value.code == "model_not_found"
    assert "minilm" in caught.value.message and "tiny" in caught.value.message


def test_a_hundred_requests_at_once_each_get_their_own(server):
    texts, expected = plain(80)

    async def ask():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any") as client:
            return await asyncio.gather(*(client.embeddings.create(model="any", input=text) for text in texts))

    answers = asyncio.run(ask())
    assert_close([answer.data[0].embedding for answer in answers], expected)


def test_a_key_that_is_wrong_is_an_authentication_error(serve, model):
    with serve("--model", model, "--api-key", "right") as server:
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="right", max_retries=0) as client:
            assert len(client.embeddings.create(model="any", input="hello").data) == 1
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError):
                client.embeddings.create(model="any", input="hello")
        assert "right" not in server.log()

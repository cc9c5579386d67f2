"""huggingface_hub 2.4.0: endpoints created, waited for, changed, paused, resumed, scaled to zero and deleted."""

import pytest
import requests
from huggingface_hub import InferenceEndpointError
from huggingface_hub.errors import HfHubHTTPError

from control_plane import MINILM, MISSING, TINY, TINY_DIMENSIONS, WAIT, error_of
from golden import assert_close, plain


def test_create_shows_what_was_asked_for_and_no_address_yet(create):
    tei = {"url": "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9", "maxBatchTokens": 4096, "aNewField": [1]}
    endpoint = create(
        "boru",
        custom_image={"tei": tei},
        task="sentence-embeddings",
        min_replica=0,
        scale_to_zero_timeout=15,
        scaling_metric="pendingRequests",
        scaling_threshold=2,
        env={"MAX_CONCURRENT_REQUESTS": "64"},
        secrets={"HF_TOKEN": "hf_hidden"},
        tags=["test"],
    )
    assert (endpoint.name, endpoint.repository, endpoint.task) == ("boru", MINILM, "sentence-embeddings")
    assert (endpoint.type, endpoint.revision, endpoint.framework) == ("authenticated", None, "pytorch")
    assert endpoint.status in ("pending", "initializing")
    assert endpoint.url is None
    assert endpoint.health_route.startswith("/")
    assert endpoint.created_at.tzinfo is not None
    raw = endpoint.raw
    assert raw["model"]["image"] == {"tei": tei}
    assert raw["model"]["env"] == {"MAX_CONCURRENT_REQUESTS": "64"}
    assert raw["tags"] == ["test"]
    assert "hf_hidden" not in str(raw)
    assert raw["compute"]["scaling"] == {
        "minReplica": 0,
        "maxReplica": 1,
        "scaleToZeroTimeout": 15,
        "measure": {"pendingRequests": 2},
    }
    with pytest.raises(InferenceEndpointError, match="not yet deployed"):
        endpoint.client


@pytest.mark.parametrize("access", ["public", "authenticated", "private"])
def test_every_type_is_taken_and_usable_without_a_key(create, access):
    endpoint = create(type=access).wait(**WAIT)
    assert endpoint.type == access
    assert_embeds(endpoint)


def test_a_running_endpoint_answers_at_its_root_and_at_its_health_route(endpoint):
    assert (endpoint.status, endpoint.raw["status"]["readyReplica"]) == ("running", 1)
    # 0.30 to 0.32 ask the root, later versions the health route.
    for url in (endpoint.url, f"{endpoint.url.rstrip('/')}/{endpoint.health_route.lstrip('/')}"):
        assert requests.get(url).status_code == 200


def test_an_update_of_one_field_leaves_its_neighbours_and_restarts_nothing(endpoint):
    before = endpoint.raw
    endpoint.update(max_replica=2)
    assert endpoint.status == "running"
    assert endpoint.raw["compute"]["scaling"] == before["compute"]["scaling"] | {"minReplica": 1, "maxReplica": 2}
    endpoint.update(scale_to_zero_timeout=30)
    scaling = before["compute"]["scaling"] | {"maxReplica": 2, "scaleToZeroTimeout": 30}
    assert endpoint.raw["compute"] == before["compute"] | {"scaling": scaling}
    assert endpoint.raw["model"] == before["model"]
    assert endpoint.updated_at >= endpoint.created_at
    assert_embeds(endpoint)


def test_an_update_of_the_model_serves_the_old_one_until_the_new_one_is_ready(endpoint):
    # `wait` looks at the state first: were it still `running`, the old model would pass for the new one.
    assert endpoint.update(repository=TINY).status == "updating"
    assert endpoint.url is not None
    endpoint.wait(**WAIT)
    assert (endpoint.status, endpoint.repository) == ("running", TINY)
    assert endpoint.client.feature_extraction("a text").shape == (1, TINY_DIMENSIONS)


def test_an_update_that_cannot_load_leaves_the_old_model_serving(hub, endpoint):
    with pytest.raises((HfHubHTTPError, InferenceEndpointError)):
        endpoint.update(repository=MISSING).wait(**WAIT)
    found = hub.get_inference_endpoint(endpoint.name)
    assert_embeds(found)
    # And out of that state leads another update.
    found.update(repository=TINY).wait(**WAIT)
    assert found.client.feature_extraction("a text").shape == (1, TINY_DIMENSIONS)


def test_pause_and_resume(endpoint):
    url = endpoint.url
    assert endpoint.pause().status == "paused"
    assert endpoint.url is None
    refused = requests.post(url, json={"inputs": "a"})
    # Not 503: that is what somebody gets who may try again.
    assert 400 <= refused.status_code < 500
    assert "paused" in error_of(refused)
    assert endpoint.fetch().status == "paused"

    assert endpoint.resume().status in ("pending", "initializing")
    assert_embeds(endpoint.wait(**WAIT))
    # The server refuses this, and the client takes the refusal for a success.
    assert endpoint.resume().status == "running"


def test_resume_of_a_running_endpoint_can_be_an_error(hub, endpoint):
    with pytest.raises(HfHubHTTPError, match="already running") as caught:
        hub.resume_inference_endpoint(endpoint.name, running_ok=False)
    assert caught.value.response.status_code == 400


def test_a_request_to_an_endpoint_at_zero_is_held_until_it_is_answered(endpoint):
    assert endpoint.scale_to_zero().status == "scaledToZero"
    assert endpoint.raw["status"]["targetReplica"] == 0
    assert_embeds(endpoint)
    assert endpoint.fetch().status == "running"


def test_a_request_that_will_not_be_held_is_told_when_to_come_back(endpoint):
    endpoint.scale_to_zero()
    answer = requests.post(endpoint.url, json={"inputs": "a"}, headers={"X-Scale-Up-Timeout": "0"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert error_of(answer)
    # That request was reason enough to wake it.
    assert endpoint.wait(**WAIT).status == "running"


def test_list_and_delete(hub, create):
    endpoint, other = create(), create(repository=TINY)
    assert {found.name for found in hub.list_inference_endpoints()} == {endpoint.name, other.name}
    assert {found.name for found in hub.list_inference_endpoints(namespace="*")} == {endpoint.name, other.name}
    assert endpoint.delete() is None
    assert [found.name for found in hub.list_inference_endpoints()] == [other.name]
    with pytest.raises(HfHubHTTPError, match=endpoint.name) as caught:
        endpoint.fetch()
    assert caught.value.response.status_code == 404


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"name": "Upper_Case"}, "Upper_Case"),
        ({"name": "a" * 33}, "32"),
        ({"min_replica": 3, "max_replica": 2}, "minReplica|min_replica"),
        ({"custom_image": {"tei": {}, "vLLM": {}}}, "vLLM"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(hub, create, changes, named):
    with pytest.raises(HfHubHTTPError, match=named) as caught:
        create(**changes)
    assert caught.value.response.status_code == 400
    assert hub.list_inference_endpoints() == []


def test_a_name_that_is_taken_is_refused(create):
    first = create()
    with pytest.raises(HfHubHTTPError, match=first.name) as caught:
        create(first.name, repository=TINY)
    assert caught.value.response.status_code == 400
    assert first.fetch().repository == MINILM


def assert_embeds(endpoint):
    texts, expected = plain(3)
    assert_close(endpoint.client.feature_extraction(texts), expected)

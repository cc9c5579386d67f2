"""AWS's own client, which is told the address of the server and else used as against AWS."""

import collections
import json
import time

import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from aws import IMAGE, REGION, ROLE, WAIT, of_folder, variant
from golden import DIMENSIONS, assert_close, plain
from serving import PATIENCE

TINY_DIMENSIONS = 32


@pytest.fixture
def runtime(client):
    return client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def invoke(runtime):
    """Sends a body to an endpoint, and returns what came back and which variant it came from."""

    def invoke(endpoint, body, **options):
        response = runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="application/json", Body=json.dumps(body), **options
        )
        assert response["ContentType"] == "application/json"
        return json.loads(response["Body"].read()), response["InvokedProductionVariant"]

    return invoke


@pytest.fixture
def unchecked(client):
    """A client that leaves it to the server to look at what it is sent."""
    return client("sagemaker", config=Config(parameter_validation=False))


def test_a_model_from_its_creation_to_its_end(sagemaker, invoke, model):
    container = {"Image": IMAGE, "Environment": {"HF_MODEL_ID": str(model), "HF_TASK": "feature-extraction"}}
    made = sagemaker.create_model(ModelName="minilm", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    assert made["ModelArn"] == arn("model/minilm")
    first = sagemaker.create_endpoint_config(EndpointConfigName="first", ProductionVariants=[variant("minilm")])
    assert first["EndpointConfigArn"] == arn("endpoint-config/first")
    created = sagemaker.create_endpoint(EndpointName="embeddings", EndpointConfigName="first")
    assert created["EndpointArn"] == arn("endpoint/embeddings")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="embeddings", WaiterConfig=WAIT)

    shown = sagemaker.describe_model(ModelName="minilm")
    assert (shown["PrimaryContainer"], shown["ExecutionRoleArn"]) == (container, ROLE)
    shown = sagemaker.describe_endpoint_config(EndpointConfigName="first")
    assert shown["ProductionVariants"] == [variant("minilm")]
    shown = sagemaker.describe_endpoint(EndpointName="embeddings")
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "first")
    assert shown["CreationTime"] <= shown["LastModifiedTime"]
    assert counts(shown) == {"AllTraffic": (1, 1)}
    assert names(sagemaker.list_models()["Models"], "ModelName") == ["minilm"]
    assert names(sagemaker.list_endpoint_configs()["EndpointConfigs"], "EndpointConfigName") == ["first"]
    assert names(sagemaker.list_endpoints(StatusEquals="InService")["Endpoints"], "EndpointName") == ["embeddings"]
    assert sagemaker.list_endpoints(NameContains="no-such")["Endpoints"] == []
    assert_embeds(invoke, "embeddings")

    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="embeddings",
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredWeight": 2, "DesiredInstanceCount": 2}],
    )
    # The endpoint is in service while more instances of it start.
    wait_until(lambda: counts(sagemaker.describe_endpoint(EndpointName="embeddings")) == {"AllTraffic": (2, 2)})

    second = variant("minilm") | {"VariantName": "renamed"}
    sagemaker.create_endpoint_config(EndpointConfigName="second", ProductionVariants=[second])
    sagemaker.update_endpoint(EndpointName="embeddings", EndpointConfigName="second")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="embeddings", WaiterConfig=WAIT)
    shown = sagemaker.describe_endpoint(EndpointName="embeddings")
    assert (shown["EndpointConfigName"], list(counts(shown))) == ("second", ["renamed"])
    _, invoked = invoke("embeddings", "a")
    assert invoked == "renamed"

    sagemaker.delete_endpoint(EndpointName="embeddings")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="embeddings", WaiterConfig=WAIT)
    for config in ("first", "second"):
        sagemaker.delete_endpoint_config(EndpointConfigName=config)
    sagemaker.delete_model(ModelName="minilm")
    assert sagemaker.list_models()["Models"] == sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_endpoints()["Endpoints"] == []


def wait_until(is_so):
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def assert_embeds(invoke, endpoint):
    """Every body that endpoints of embeddings are sent gets the vectors of sentence-transformers."""
    texts, expected = plain(3)
    for body in (texts, {"inputs": texts}, {"text_inputs": texts}):
        assert_close(invoke(endpoint, body)[0], expected)
    for body in (texts[0], {"inputs": texts[0]}):
        assert_close(invoke(endpoint, body)[0], expected[:1])
    # INSTRUCTOR's: what to do with a text stands before it.
    pairs = [["Represent the question:", text] for text in texts]
    together, _ = invoke(endpoint, [" ".join(pair) for pair in pairs])
    for body in (pairs, {"inputs": pairs}):
        assert_close(invoke(endpoint, body)[0], together)


def arn(resource):
    return f"arn:aws:sagemaker:{REGION}:000000000000:{resource}"


def names(summaries, field):
    return [summary[field] for summary in summaries]


def counts(shown):
    variants = shown["ProductionVariants"]
    return {it["VariantName"]: (it["CurrentInstanceCount"], it["DesiredInstanceCount"]) for it in variants}


def test_a_task_that_embeds_nothing_fails_and_the_reason_names_one_that_does(sagemaker, deploy, model):
    # What tutorial 4 begins with.
    container = of_folder(model, HF_TASK="question-answering")
    endpoint = deploy((container, {}), wait=False)
    with pytest.raises(WaiterError, match="Failed"):
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig=WAIT)
    shown = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert shown["EndpointStatus"] == "Failed"
    assert "question-answering" in shown["FailureReason"]
    assert "feature-extraction" in shown["FailureReason"]


def test_variants_share_the_requests_by_weight(sagemaker, deploy, invoke, model, tiny_model):
    minilm = (of_folder(model), {"VariantName": "minilm", "InitialVariantWeight": 1})
    tiny = (of_folder(tiny_model), {"VariantName": "tiny", "InitialVariantWeight": 3})
    dimensions = {"minilm": DIMENSIONS, "tiny": TINY_DIMENSIONS}
    endpoint = deploy(minilm, tiny)

    def ask(**options):
        [embedding], invoked = invoke(endpoint, "a", **options)
        assert len(embedding) == dimensions[invoked]
        return invoked

    # By chance: five standard deviations to each side.
    num_requests, deviation = 300, np.sqrt(300 * 0.25 * 0.75)
    asked = collections.Counter(ask() for _ in range(num_requests))
    assert abs(asked["minilm"] - num_requests / 4) < 5 * deviation, asked
    # One that is named gets the request, whatever its weight.
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "minilm", "DesiredWeight": 0}]
    )
    assert {ask() for _ in range(20)} == {"tiny"}
    assert {ask(TargetVariant="minilm") for _ in range(3)} == {"minilm"}
    with pytest.raises(ClientError, match="no-such") as caught:
        ask(TargetVariant="no-such")
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_what_the_model_refuses_is_an_error_of_the_model(deploy, invoke, runtime, tiny_model):
    endpoint = deploy((of_folder(tiny_model), {}))
    for body, status, text in [({"inputs": ""}, 400, "empty"), ({}, 422, "inputs"), ([], 400, "no inputs")]:
        with pytest.raises(runtime.exceptions.ModelError, match=text) as caught:
            invoke(endpoint, body)
        response = caught.value.response
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert response["OriginalStatusCode"] == status
        assert text in json.loads(response["OriginalMessage"])["error"]


def test_an_endpoint_that_is_not_there_is_not_found(sagemaker, invoke, runtime):
    with pytest.raises(runtime.exceptions.ValidationError, match="no-such") as caught:
        invoke("no-such", "a")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "Could not find endpoint" in refusal(sagemaker.describe_endpoint, EndpointName="no-such")


def test_what_cannot_be_is_refused_with_the_reason(sagemaker, unchecked, deploy, tiny_model):
    too_long = "a" * 64
    assert "63" in refusal(unchecked.create_model, ModelName=too_long, ExecutionRoleArn=ROLE)
    missing = "Could not find endpoint configuration"
    assert missing in refusal(sagemaker.create_endpoint, EndpointName="a", EndpointConfigName="no-such")
    container = of_folder(tiny_model)
    endpoint = deploy((container, {}))
    assert "63" in refusal(unchecked.create_endpoint, EndpointName=too_long, EndpointConfigName=endpoint)
    assert missing in refusal(sagemaker.update_endpoint, EndpointName=endpoint, EndpointConfigName="no-such")
    negative = {"VariantName": "AllTraffic", "DesiredWeight": -1}
    change = {"EndpointName": endpoint, "DesiredWeightsAndCapacities": [negative]}
    assert "-1" in refusal(unchecked.update_endpoint_weights_and_capacities, **change)
    variants = [variant(f"{endpoint}-0") | {"InitialVariantWeight": -1}]
    assert "-1" in refusal(unchecked.create_endpoint_config, EndpointConfigName="a", ProductionVariants=variants)
    assert "already existing" in refusal(sagemaker.create_endpoint, EndpointName=endpoint, EndpointConfigName=endpoint)


def refusal(call, **arguments):
    """Returns the message of a call that the control plane refuses."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return caught.value.response["Error"]["Message"]

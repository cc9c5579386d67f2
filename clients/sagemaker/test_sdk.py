"""Tutorial 4 with the SDK that it was written for, through `sembla proxy`: its cells stand here in its own words.

Where they differ: it says `role` where it has made `aws_role`, and `sess.region_name` for `sess.boto_region_name`; `!aws s3 cp` is boto3's upload of the same bytes, and
`deploy` looks every half minute whether the endpoint is there, so that we wait with the SDK's own
`wait_for_endpoint`, which can be told to look more often.
"""

import boto3
import pytest

import sagemaker
from aws import REGION, ROLE
from golden import assert_close, plain
from sagemaker.huggingface.model import HuggingFaceModel

pytestmark = pytest.mark.usefixtures("proxied")


def set_permission():
    sess = sagemaker.Session()
    sagemaker_session_bucket = sess.default_bucket()

    try:
        aws_role = sagemaker.get_execution_role()
    except ValueError:
        iam = boto3.client('iam')
        aws_role = iam.get_role(RoleName='SageMakerIAMRole')['Role']['Arn']

    aws_region = sess.boto_region_name

    assert (sagemaker_session_bucket, aws_region) == (f"sagemaker-{REGION}-000000000000", REGION)
    assert aws_role == ROLE
    return sess, aws_role


def deploy(huggingface_model):
    predictor = huggingface_model.deploy(initial_instance_count=1, instance_type="ml.m5.xlarge", wait=False)
    shown = predictor.sagemaker_session.wait_for_endpoint(predictor.endpoint_name, poll=1)
    assert shown["EndpointStatus"] == "InService"
    return predictor


def clean_up(sess, predictor):
    predictor.delete_model()
    predictor.delete_endpoint()
    for listed in (sess.sagemaker_client.list_models()["Models"], sess.sagemaker_client.list_endpoints()["Endpoints"]):
        assert listed == []
    assert sess.sagemaker_client.list_endpoint_configs()["EndpointConfigs"] == []


def test_a_model_that_its_variables_name(model):
    sess, role = set_permission()
    huggingface_model = HuggingFaceModel(
        env={"HF_MODEL_ID": str(model), "HF_TASK": "feature-extraction"},
        role=role,
        transformers_version="4.26",
        pytorch_version="1.13",
        py_version='py39',
    )
    predictor = deploy(huggingface_model)
    texts, expected = plain(2)
    assert_close(predictor.predict({"inputs": texts}), expected)
    clean_up(sess, predictor)


def test_a_model_that_an_archive_in_s3_holds(archive):
    sess, role = set_permission()
    repository = "sentence-transformers/all-MiniLM-L6-v2"
    model_id = repository.split("/")[-1]
    s3_location = f"s3://{sess.default_bucket()}/custom_inference/{model_id}/model.tar.gz"
    boto3.client("s3").upload_file(str(archive), sess.default_bucket(), f"custom_inference/{model_id}/model.tar.gz")

    # create Hugging Face Model Class
    huggingface_model = HuggingFaceModel(
        model_data=s3_location,       # path to your model and script
        role=role,                    # iam role with permissions to create an Endpoint
        transformers_version="4.26",  # transformers version used
        pytorch_version="1.13",        # pytorch version used
        py_version='py39',            # python version used
    )
    predictor = deploy(huggingface_model)
    texts, expected = plain(2)
    assert_close(predictor.predict(texts)["vector_embedding"], expected)
    clean_up(sess, predictor)

"""Tutorial 4's LangChain, in its own words, before endpoints of its own archive, in S3 and in SageMaker as it finds
them.

Nothing here is told an address: LangChain asks AWS's host for the region, through `sembla proxy`.
"""

import json
import time
from typing import List

import boto3
import pytest

from aws import REGION, of_folder
from golden import assert_close, plain

try:
    from langchain.embeddings import SagemakerEndpointEmbeddings
    from langchain.embeddings.sagemaker_endpoint import EmbeddingsContentHandler
except ModuleNotFoundError:
    # Where the same things are today.
    from langchain_community.embeddings import SagemakerEndpointEmbeddings
    from langchain_community.embeddings.sagemaker_endpoint import EmbeddingsContentHandler

pytestmark = pytest.mark.usefixtures("proxied")

BUCKET = f"sagemaker-{REGION}-000000000000"


# extend the SagemakerEndpointEmbeddings class from langchain to provide a custom embedding function
class SagemakerEndpointEmbeddingsJumpStart(SagemakerEndpointEmbeddings):
    def embed_documents(
        self, texts: List[str], chunk_size: int = 5
    ) -> List[List[float]]:
        """Compute doc embeddings using a SageMaker Inference Endpoint.

        Args:
            texts: The list of texts to embed.
            chunk_size: The chunk size defines how many input texts will
                be grouped together as request. If None, will use the
                chunk size specified by the class.

        Returns:
            List of embeddings, one for each text.
        """
        results = []
        _chunk_size = len(texts) if chunk_size > len(texts) else chunk_size
        st = time.time()
        for i in range(0, len(texts), _chunk_size):
            response = self._embedding_func(texts[i:i + _chunk_size])
            results.extend(response)
        time_taken = time.time() - st
        print(f"got results for {len(texts)} in {time_taken}s, length of embeddings list is {len(results)}")
        return results


# class for serializing/deserializing requests/responses to/from the embeddings model
class ContentHandler(EmbeddingsContentHandler):
    content_type = "application/json"
    accepts = "application/json"

    def transform_input(self, prompt: str, model_kwargs={}) -> bytes:
        input_str = json.dumps(prompt)
        return input_str.encode('utf-8') 

    def transform_output(self, output: bytes) -> str:
        response_json = json.loads(output.read().decode("utf-8"))
        embeddings = response_json["vector_embedding"]
        if len(embeddings) == 1:
            return [embeddings[0]]
        return embeddings


def create_sagemaker_embeddings_from_js_model(embeddings_model_endpoint_name: str, aws_region: str) -> SagemakerEndpointEmbeddingsJumpStart:
    # all set to create the objects for the ContentHandler and 
    # SagemakerEndpointEmbeddingsJumpStart classes
    content_handler = ContentHandler()

    # note the name of the LLM Sagemaker endpoint, this is the model that we would
    # be using for generating the embeddings
    embeddings = SagemakerEndpointEmbeddingsJumpStart( 
        endpoint_name=embeddings_model_endpoint_name,
        region_name=aws_region, 
        content_handler=content_handler
    )
    return embeddings


def test_an_archive_with_the_tutorials_code(deploy, archive):
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.upload_file(str(archive), BUCKET, "custom_inference/all-MiniLM-L6-v2/model.tar.gz")
    container = {"ModelDataUrl": f"s3://{BUCKET}/custom_inference/all-MiniLM-L6-v2/model.tar.gz"}
    assert_embeds(deploy((container, {})))


def test_a_folder_whose_reply_key_is_said(deploy, model):
    assert_embeds(deploy((of_folder(model, REPLY_KEY="vector_embedding"), {})))


def assert_embeds(endpoint):
    texts, expected = plain(12)
    jump_start = create_sagemaker_embeddings_from_js_model(endpoint, REGION)
    # Three requests, the last of two texts, and one that is of one text.
    assert_close(jump_start.embed_documents(texts), expected)
    assert_close(jump_start.embed_query(texts[0]), expected[0])
    # LangChain's own sends as many at once as it is told, and by itself one.
    embeddings = SagemakerEndpointEmbeddings(
        endpoint_name=endpoint, region_name=REGION, content_handler=ContentHandler()
    )
    assert_close(embeddings.embed_documents(texts, chunk_size=64), expected)
    assert_close(embeddings.embed_documents(texts[:2]), expected[:2])


def test_an_endpoint_that_is_not_there_is_named():
    embeddings = create_sagemaker_embeddings_from_js_model("no-such-endpoint", REGION)
    with pytest.raises(ValueError, match="no-such-endpoint"):
        embeddings.embed_query("a")

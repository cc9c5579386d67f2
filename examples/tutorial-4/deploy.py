"""Tutorial 4's "Create a custom Huggingface Model", of an archive in S3. What is changed is in README.md.

Usage: deploy.py REPOSITORY ARCHIVE DIMENSIONS INPUTS FILE
"""

import json
import sys
from pathlib import Path

import boto3
import numpy as np
from sagemaker.huggingface.model import HuggingFaceModel

from permission import role, sess, wait_for

repository, archive, dimensions, inputs, file = sys.argv[1:]
model_id=repository.split("/")[-1]
s3_location=f"s3://{sess.default_bucket()}/custom_inference/{model_id}/model.tar.gz"

## upload to S3
boto3.client('s3').upload_file(archive, sess.default_bucket(), f"custom_inference/{model_id}/model.tar.gz")
print(f"uploaded to {s3_location}")

# create Hugging Face Model Class
huggingface_model = HuggingFaceModel(
   model_data=s3_location,       # path to your model and script
   role=role,                    # iam role with permissions to create an Endpoint
   transformers_version="4.26",  # transformers version used
   pytorch_version="1.13",        # pytorch version used
   py_version='py39',            # python version used
)

# deploy the endpoint endpoint
predictor = huggingface_model.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.xlarge",
    wait=False
)
print(f"\n{predictor.endpoint_name}: {wait_for(predictor)['EndpointStatus']}")

# request
inputs = json.loads(inputs)
sentence_embeddings = np.array(predictor.predict(inputs)["vector_embedding"])
print("Sentence embeddings:")
with np.printoptions(precision=4, threshold=8):
    print(sentence_embeddings)

if sentence_embeddings.shape != (len(inputs), int(dimensions)):
    sys.exit(f"embeddings of shape {sentence_embeddings.shape}, expected {len(inputs)} of {dimensions} numbers")
if not np.allclose(np.linalg.norm(sentence_embeddings, axis=1), 1, atol=1e-5):
    sys.exit("embeddings whose length is not 1")
Path(file).write_text(predictor.endpoint_name)

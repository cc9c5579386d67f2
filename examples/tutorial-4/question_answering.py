"""What tutorial 4 begins with: a task that Sembla does not have. What is changed is in README.md."""

import sys

from sagemaker.exceptions import UnexpectedStatusException
from sagemaker.huggingface.model import HuggingFaceModel

from permission import role, wait_for

# Hub model configuration <https://huggingface.co/models>
hub = {
  'HF_MODEL_ID':'distilbert-base-uncased-distilled-squad', # model_id from hf.co/models
  'HF_TASK':'question-answering'                           # NLP task you want to use for predictions
}

# create Hugging Face Model Class
huggingface_model = HuggingFaceModel(
   env=hub,                                                # configuration for loading model from Hub
   role=role,                                              # IAM role with permissions to create an endpoint
   transformers_version="4.26",                             # Transformers version used
   pytorch_version="1.13",                                  # PyTorch version used
   py_version='py39',                                      # Python version used
)

# deploy model to SageMaker Inference
predictor = huggingface_model.deploy(
   initial_instance_count=1,
   instance_type="ml.m5.xlarge",
   wait=False
)

try:
    wait_for(predictor)
except UnexpectedStatusException as failure:
    print(f"\n{failure.actual_status}: {failure}")
    if failure.actual_status != "Failed" or "question-answering" not in str(failure):
        sys.exit("the reason should name the task")
else:
    sys.exit("an endpoint that answers questions should have failed")

predictor.delete_model()
predictor.delete_endpoint()

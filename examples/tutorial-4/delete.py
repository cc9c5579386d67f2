"""Deletes the endpoints with these names, and what they were made of."""

import sys

from sagemaker.huggingface.model import HuggingFacePredictor

from permission import sess

for name in sys.argv[1:]:
    predictor = HuggingFacePredictor(name)
    predictor.delete_model()
    predictor.delete_endpoint()

client = sess.sagemaker_client
left = {
    "endpoints": client.list_endpoints()["Endpoints"],
    "configurations": client.list_endpoint_configs()["EndpointConfigs"],
    "models": client.list_models()["Models"],
}
for kind, listed in left.items():
    print(f"{kind} left: {len(listed)}")
if any(left.values()):
    sys.exit(f"these should be gone: {left}")

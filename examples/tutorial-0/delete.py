"""The last step of tutorial 0, after somebody has looked at what was spent."""

from huggingface_hub import get_inference_endpoint, list_inference_endpoints

ENDPOINT_NAME = "boru-jina-embeddings-demo-ie"
endpoint = get_inference_endpoint(ENDPOINT_NAME)

# Delete Endpoint

endpoint = endpoint.delete()

if not endpoint:
    print('Endpoint deleted successfully')
else:
    print('Delete Endpoint in manually') 

# Checked: it is gone.
assert list_inference_endpoints() == []

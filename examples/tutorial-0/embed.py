"""Tutorial 0 until it looks at what was spent, as README.md beside this file says: its own code, and what was changed
in it. What follows `# Checked:` is not the tutorial's.
"""

import asyncio
from getpass import getpass
import json
from pathlib import Path
import time
from typing import Optional

from aiohttp import ClientSession, ClientTimeout
from datasets import load_dataset, Dataset, DatasetDict
from huggingface_hub import notebook_login, create_inference_endpoint, list_inference_endpoints, whoami
import numpy as np
import pandas as pd
import requests
from tqdm.auto import tqdm

# Config

DATASET_IN = 'target/examples/tutorial-0/docstrings'
DATASET_OUT = "target/examples/tutorial-0/processed-subset-docstrings"
ENDPOINT_NAME = "boru-jina-embeddings-demo-ie"

MAX_WORKERS = 5  # This is for how many async workers you want. Choose based on the model and hardware 
ROW_COUNT = 100  # Choose None to use all rows, Im using 100 just for a demo

# GPU Choice
VENDOR="aws"
REGION="us-east-1"
INSTANCE_SIZE="x1"
INSTANCE_TYPE="nvidia-a10g"

who = whoami()
organization = ""

namespace = organization or who['name']

# Get Dataset

dataset = load_dataset(DATASET_IN)
print(dataset['train'])

documents = dataset['train'].to_pandas().to_dict('records')[:ROW_COUNT]
print((len(documents), documents[0]))

# Create Inference Endpoint

print("NOT YET: the Jina architecture; all-mpnet-base-v2 stands in, with 768 dimensions too and a context of 384 tokens")
try:
    endpoint = create_inference_endpoint(
        ENDPOINT_NAME,
        repository="sentence-transformers/all-mpnet-base-v2",
        revision="84f2bcc00d77236f9e89c8a360a00fb1139bf47d",
        task="sentence-embeddings",
        framework="pytorch",
        accelerator="gpu",
        instance_size=INSTANCE_SIZE,
        instance_type=INSTANCE_TYPE,
        region=REGION,
        vendor=VENDOR,
        namespace=namespace,
        custom_image={
            "health_route": "/health",
            "env": {
                "MAX_BATCH_TOKENS": str(MAX_WORKERS * 2048),
                "MAX_CONCURRENT_REQUESTS": "512",
                "MODEL_ID": "/repository"
            },
            "url": "ghcr.io/huggingface/text-embeddings-inference:0.5.0",
        },
        type="protected",
    )
except:
    endpoint = [ie for ie in list_inference_endpoints(namespace=namespace) if ie.name == ENDPOINT_NAME][0]
    print('Loaded endpoint')

# Checked: the endpoint is new, as it was asked for, and starting.
assert endpoint.status in ("pending", "initializing"), endpoint
assert (endpoint.type, endpoint.task, endpoint.raw["compute"]["instanceType"]) == ("protected", "sentence-embeddings", INSTANCE_TYPE)

# Wait until it's running

start = time.perf_counter()
endpoint.wait()
print(f"Wall time: {time.perf_counter() - start:.1f} s")

# Checked: this is what it waited for.
assert endpoint.status == "running"

response = endpoint.client.post(json={"inputs": 'This sound track was beautiful! It paints the senery in your mind so well I would recomend it even to people who hate vid. game music!', 'truncate': True}, task="feature-extraction")
response = np.array(json.loads(response.decode()))
print(response[0][:20])

# Checked: one embedding of length 1.
assert response.shape == (1, 768)
assert abs(np.linalg.norm(response[0]) - 1) < 1e-5

embedding_input = 'This input will get multiplied' * 10000
print(f'The length of the embedding_input is: {len(embedding_input)}')
response = endpoint.client.post(json={"inputs": embedding_input, 'truncate': True}, task="feature-extraction")
response = np.array(json.loads(response.decode()))
print(response[0][:20])

# Checked: what is past the context changes nothing.
half = endpoint.client.post(json={"inputs": embedding_input[:len(embedding_input) // 2], 'truncate': True}, task="feature-extraction")
assert response.shape == (1, 768) and np.array_equal(response, np.array(json.loads(half.decode())))

# Get Embeddings

async def request(document, semaphore):
    # Semaphore guard
    async with semaphore:
        result = await endpoint.async_client.post(json={"inputs": document['content'], 'truncate': True}, task="feature-extraction")
        result = np.array(json.loads(result.decode()))
        document['embedding'] = result[0]  # Assuming the API's output can be directly assigned
        return document

async def main(documents):
    # Semaphore to limit concurrent requests. Adjust the number as needed.
    semaphore = asyncio.BoundedSemaphore(MAX_WORKERS)

    # Creating a list of tasks
    tasks = [request(document, semaphore) for document in documents]
    
    # Using tqdm to show progress. It's been integrated into the async loop.
    for f in tqdm(asyncio.as_completed(tasks), total=len(documents)):
        await f

start = time.perf_counter()

# Get embeddings
asyncio.run(main(documents))

# Make sure we got it all
count = 0
for document in documents:
    if 'embedding' in document.keys() and len(document['embedding']) == 768:
        count += 1
print(f'Embeddings = {count} documents = {len(documents)}')

            
# Print elapsed time
elapsed_time = time.perf_counter() - start
minutes, seconds = divmod(elapsed_time, 60)
print(f"{int(minutes)} min {seconds:.2f} sec")

# Checked: all of them, and texts of the reference have its embeddings.
assert count == len(documents) == ROW_COUNT
with open("fixtures/golden/mpnet/texts.json") as file:
    golden = [{"content": text} for text in json.load(file)[:10]]
asyncio.run(main(golden))
expected = np.fromfile("fixtures/golden/mpnet/embeddings.f32", dtype="<f4").reshape(-1, 768)[:10]
assert np.abs([document["embedding"] for document in golden] - expected).max() < 1e-5

# Pause Inference Endpoint

endpoint = endpoint.pause()

print(f"Endpoint Status: {endpoint.status}")

# Checked: as it prints, and nobody is told an address.
assert (endpoint.status, endpoint.url) == ("paused", None)

# Push updated dataset to Hub

df = pd.DataFrame(documents)
dd = DatasetDict({'train': Dataset.from_pandas(df)})

print("NOT YET: a Hub to push to; the dataset is saved to this machine's disk")
dd.save_to_disk(DATASET_OUT)

print(f'Dataset is at {DATASET_OUT}')

# Checked: it comes back as it was.
back = DatasetDict.load_from_disk(DATASET_OUT)['train'].to_pandas()
assert list(back['content']) == [document['content'] for document in documents]
assert np.array_equal(np.stack(back['embedding']), np.stack(df['embedding']))

# Analyze Usage

dashboard_url = f'https://ui.endpoints.huggingface.co/{namespace}/endpoints/{ENDPOINT_NAME}'
print(dashboard_url)

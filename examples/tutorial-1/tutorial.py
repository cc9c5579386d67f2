"""Tutorial 1, as README.md beside this file says: its own code, and what was changed in it. What follows `# Checked:` is
not the tutorial's.
"""

import os

# Create embeddings

endpoint = os.environ["ENDPOINT_URL"]

api_org = "<API_ORG_TOKEN>"

import requests

# add the api org token to the headers
headers = {
    'Authorization': f'Bearer {api_org}'
}
# we add sentences to embed like so
json_data = {"inputs": ["a happy dog", "a sad dog"]}
# make the request
res = requests.post(
    endpoint,
    headers=headers,
    json=json_data
)

print(res)

print(len(res.json()['embeddings']))

dim = len(res.json()['embeddings'][0])
print(dim)

# Checked: as it prints; and what is needed below.
import numpy as np
from make_pairs import FOUND

embedded = []
assert (res.status_code, len(res.json()['embeddings']), dim) == (200, 2, 768)

from datasets import load_dataset

snli = load_dataset("csv", data_files=os.environ["SNLI"], split='train')
print(snli)

passages = list(set(snli['hypothesis']))
print(len(passages))

passages = passages[:50_000]

# Create a Pinecone index

import pinecone
from pinecone.core.client.configuration import Configuration

# initialize connection to pinecone (get API key at app.pinecone.io)
pinecone.init(api_key="YOUR_API_KEY", environment="YOUR_ENVIRONMENT", openapi_config=Configuration(host=os.environ["PINECONE_HOST"]))

index_name = 'hf-endpoints'

# check if the hf-endpoints index exists
if index_name not in pinecone.list_indexes():
    # create the index if it does not exist
    pinecone.create_index(
        index_name,
        dimension=dim,
        metric="cosine"
    )

# connect to hf-endpoints index we created
index = pinecone.Index(index_name)

# Create and index embeddings

from tqdm.auto import tqdm

# we will use batches of 64
batch_size = 64

for i in tqdm(range(0, len(passages), batch_size)):
    # find end of batch
    i_end = min(i+batch_size, len(passages))
    # extract batch
    batch = passages[i:i_end]
    # generate embeddings for batch via endpoints
    res = requests.post(
        endpoint,
        headers=headers,
        json={"inputs": batch}
    )
    emb = res.json()['embeddings']
    # get metadata (just the original text)
    meta = [{'text': text} for text in batch]
    # create IDs
    ids = [str(x) for x in range(i, i_end)]
    # add all to upsert list
    to_upsert = list(zip(ids, emb, meta))
    # upsert/insert these records to pinecone
    _ = index.upsert(vectors=to_upsert)
    # Checked: kept for what is checked below.
    embedded.append(np.asarray(emb, dtype=np.float32))

# check that we have all vectors in index
print(index.describe_index_stats())

# Checked: as it prints, but for how many there are.
stats = index.describe_index_stats().to_dict()
assert (stats['dimension'], stats['total_vector_count']) == (dim, len(passages))
assert stats['namespaces'] == {'': {'vector_count': len(passages)}}

# Checked, after each query: the answers are those that the tutorial prints, in its order, and the nearest by numpy.
def check(first):
    nearest = np.argsort(-(np.concatenate(embedded) @ np.asarray(xq, dtype=np.float32)))[:5]
    answers = [match['metadata']['text'] for match in xc['matches']]
    assert answers == [passages[place] for place in nearest] == FOUND[first:first + 5]


query = snli['premise'][0]
print(f"Query: {query}")
# encode with HF endpoints
res = requests.post(endpoint, headers=headers, json={"inputs": query})
xq = res.json()['embeddings']
# query and return top 5
xc = index.query(xq, top_k=5, include_metadata=True)
# iterate through results and print text
print("Answers:")
for match in xc['matches']:
    print(match['metadata']['text'])

check(0)

query = snli['premise'][100]
print(f"Query: {query}")
# encode with HF endpoints
res = requests.post(endpoint, headers=headers, json={"inputs": query})
xq = res.json()['embeddings']
# query and return top 5
xc = index.query(xq, top_k=5, include_metadata=True)
# iterate through results and print text
print("Answers:")
for match in xc['matches']:
    print(match['metadata']['text'])

check(5)

query = snli['premise'][200]
print(f"Query: {query}")
# encode with HF endpoints
res = requests.post(endpoint, headers=headers, json={"inputs": query})
xq = res.json()['embeddings']
# query and return top 5
xc = index.query(xq, top_k=5, include_metadata=True)
# iterate through results and print text
print("Answers:")
for match in xc['matches']:
    print(match['metadata']['text'])

check(10)

# Clean up

pinecone.delete_index(index_name)

# Checked: it is gone.
assert index_name not in pinecone.list_indexes()

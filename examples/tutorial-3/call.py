"""Tutorial 3's "request python library", with the model's id in the host, and a look at the two answers.

Usage: call.py FILE, which has what curl printed
"""

import os
import requests

resp = requests.post(
    f"https://model-{os.environ['MODEL_ID']}.api.baseten.co/environments/production/predict",
    headers={"Authorization": f"Api-Key {os.environ['BASETEN_API_KEY']}"},
    json={"input": ["text string", "second string"]},
)

print(resp.json())

# From here on it is not the tutorial's.
import json
import sys
from pathlib import Path

import numpy as np


def embeddings_of(answer):
    if [item["index"] for item in answer["data"]] != list(range(len(answer["data"]))):
        sys.exit("embeddings that are not in the order of the texts")
    return np.array([item["embedding"] for item in answer["data"]])


alone, both = embeddings_of(json.loads(Path(sys.argv[1]).read_text())), embeddings_of(resp.json())
if (alone.shape, both.shape) != ((1, 384), (2, 384)):
    sys.exit(f"embeddings of shapes {alone.shape} and {both.shape}, expected 1 and 2 of 384 numbers")
if not np.allclose(np.linalg.norm(both, axis=1), 1, atol=1e-5):
    sys.exit("embeddings whose length is not 1")
if not np.allclose(alone[0], both[0], atol=1e-6):
    sys.exit("curl and requests got different embeddings of the same text")
if np.allclose(both[0], both[1], atol=1e-2):
    sys.exit("two texts with the same embedding")
print(f"curl got {len(alone)} embedding of {alone.shape[1]} numbers, requests {len(both)}; their first ones are the same")

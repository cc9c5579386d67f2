#!/usr/bin/env python3
"""Tutorial 2's frequent questions over HTTP, with nothing but Python's standard library.

Usage: examples/questions.py URL [QUESTION]
"""

import csv
import json
import sys
import urllib.request
from pathlib import Path

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
QUESTIONS = Path(__file__).with_name("medicare-faq.csv")


def query(url, texts):
    api_url = f"{url}/pipeline/feature-extraction/{MODEL}"
    headers = {"Authorization": "Bearer any", "Content-Type": "application/json"}
    request = urllib.request.Request(api_url, json.dumps({"inputs": texts}).encode(), headers)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def cosine(a, b):
    # The embeddings of this model have length 1, so that their product is the cosine.
    return sum(x * y for x, y in zip(a, b))


def main(url, question="How can Medicare help me?"):
    with open(QUESTIONS, newline="") as file:
        texts = [row["question"] for row in csv.DictReader(file)]
    embeddings = query(url, texts)
    print(f"first embedding: {' '.join(f'{x:.5f}' for x in embeddings[0][:3])} ... ({len(embeddings[0])} dimensions)")
    asked = query(url, [question])[0]
    best = sorted(zip(texts, embeddings), key=lambda row: -cosine(asked, row[1]))
    for text, embedding in best[:5]:
        print(f"{cosine(asked, embedding):.4f}  {text}")


if __name__ == "__main__":
    main(*sys.argv[1:])

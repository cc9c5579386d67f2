"""Tutorial 2, as README.md beside this file says: its own code, and what was changed in it.

It runs in the folder in which the dataset's repository is cloned. What follows `# Checked:` is not the tutorial's.
"""

import os
import sys

os.chdir(sys.argv[1])

# 1. Using the Hugging Face Inference API to embed our dataset

model_id = "sentence-transformers/all-MiniLM-L6-v2"
hf_token = "get your token in http://hf.co/settings/tokens"

import requests
from typing import Dict

api_url = f"https://api-inference.huggingface.co/pipeline/feature-extraction/{model_id}"
headers = {"Authorization": f"Bearer {hf_token}"}

def query(texts: Dict):
    response = requests.post(api_url, headers=headers, json=texts)
    return response.json()

texts = ["How do I get a replacement Medicare card?",
        "What is the monthly premium for Medicare Part B?",
        "How do I terminate my Medicare Part B (medical insurance)?",
        "How do I sign up for Medicare?",
        "Can I sign up for Medicare Part B if I am working and have health insurance through an employer?",
        "How do I sign up for Medicare Part B if I already have Part A?",
        "What are Medicare late enrollment penalties?",
        "What is Medicare and who can get it?",
        "How can I get help with my Medicare Part A and Part B premiums?",
        "What are the different parts of Medicare?",
        "Will my Medicare premiums be higher because of my higher income?",
        "What is TRICARE ?",
        "Should I sign up for Medicare Part B if I have Veterans' Benefits?"]

output = query(dict(inputs = texts))

import pandas as pd
embeddings = pd.DataFrame(output)

import numpy as np
np.set_printoptions(suppress=True, linewidth=120)
print(embeddings.to_numpy())

# 2. Host your embedded dataset for free on the Hugging Face Hub

embeddings.to_csv("embedded_faqs_medicare/embeddings.csv", index=False)

# 3. Make a query and get the most similar FAQs

question = ["How can Medicare help me?"]

output = query(dict(inputs = question))

query_embeddings = np.asarray(output)

from datasets import load_dataset

faqs_embeddings = load_dataset('ITESM/embedded_faqs_medicare')
np_embeddings = faqs_embeddings["train"].to_pandas().to_numpy()

def cos_sim(query, embedded_dataset):
  return np.matmul(query, np.transpose(embedded_dataset)) / (np.linalg.norm(query) * np.linalg.norm(embedded_dataset, axis=1))

hits = cos_sim(query_embeddings, np_embeddings)

print(hits)

def top_faqs(hits_array):
  return np.flip(np.argpartition(hits_array, range(hits_array.size-1))).tolist()[0]

index_top_faqs = top_faqs(hits)
print(index_top_faqs)

print([texts[i] for i in index_top_faqs])

# Checked: the matrix is the one that the tutorial prints, but for its last row, which is that of the last text with a
# typographic apostrophe.
assert embeddings.shape == np_embeddings.shape == (13, 384)
assert np.abs(embeddings.to_numpy() - np_embeddings).max() < 1e-12


def assert_prints(row, first, last):
    assert np.abs(np.concatenate([row[:3], row[-3:]]) - (first + last)).max() < 1e-6, row


assert_prints(np_embeddings[0], [-0.02388945, 0.05525852, -0.01165488], [0.00577787, 0.03409787, -0.0068891])
assert_prints(np_embeddings[1], [-0.0126876, 0.04687412, -0.01050217], [-0.02310316, -0.00278466, 0.01047371])
assert_prints(np_embeddings[2], [0.00049438, 0.11941205, 0.00522949], [0.01687654, -0.02386115, 0.00526433])
assert_prints(np_embeddings[10], [-0.03900796, -0.01060951, -0.00738271], [-0.08390449, 0.03768405, 0.00231361])
assert_prints(np_embeddings[11], [-0.09598278, -0.06301168, -0.11690582], [0.00549841, 0.1528919, 0.02472013])
as_then = query(dict(inputs=[texts[12].replace("'", "’")]))
assert_prints(as_then[0], [-0.01162949, 0.05961934, 0.01650903], [-0.02821241, -0.00116556, 0.0010672])

# Checked: the questions come in the tutorial's order, which its own formula gives too, and their scores are cosines.
assert [texts[i] for i in index_top_faqs] == [
    "How can I get help with my Medicare Part A and Part B premiums?",
    "What is Medicare and who can get it?",
    "How do I sign up for Medicare?",
    "What are the different parts of Medicare?",
    "Will my Medicare premiums be higher because of my higher income?",
    "How do I get a replacement Medicare card?",
    "How do I sign up for Medicare Part B if I already have Part A?",
    "How do I terminate my Medicare Part B (medical insurance)?",
    "Can I sign up for Medicare Part B if I am working and have health insurance through an employer?",
    "What is the monthly premium for Medicare Part B?",
    "Should I sign up for Medicare Part B if I have Veterans' Benefits?",
    "What are Medicare late enrollment penalties?",
    "What is TRICARE ?",
]
as_it_was = np.matmul(query_embeddings, np.transpose(np_embeddings)) / (np.linalg.norm(query_embeddings) * np.linalg.norm(np_embeddings))
assert top_faqs(as_it_was) == index_top_faqs
assert [f"{hits[0][i]:.4f}" for i in index_top_faqs[:3]] == ["0.7565", "0.7419", "0.7253"]
assert [f"{as_it_was[0][i]:.4f}" for i in index_top_faqs[:3]] == ["0.2098", "0.2058", "0.2012"]

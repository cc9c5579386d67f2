"""The plain HTTP calls of tutorials 0, 2 and 3, with requests as they write them."""

import csv
from pathlib import Path

import numpy as np
import pytest
import requests

from golden import DIMENSIONS

FAQ = Path(__file__).resolve().parents[2] / "examples" / "medicare-faq.csv"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"

# As tutorial 2 prints them, best first.
ORDER = [
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


def questions():
    with open(FAQ, newline="") as file:
        return [row["question"] for row in csv.DictReader(file)]


def test_tutorial_2_gives_its_numbers_and_its_order(server):
    api_url = f"{server.url}/pipeline/feature-extraction/{MODEL}"

    def query(texts):
        response = requests.post(api_url, headers={"Authorization": "Bearer any"}, json=texts)
        return response.json()

    texts = questions()
    embeddings = np.asarray(query(dict(inputs=texts)))
    assert embeddings.shape == (13, DIMENSIONS)
    # The numbers that the tutorial prints: six of the first row, and six of the last, whose text had a typographic
    # apostrophe when they were made.
    assert_prints(embeddings[0], [-0.02388945, 0.05525852, -0.01165488, 0.00577787, 0.03409787, -0.0068891])
    as_then = np.asarray(query(dict(inputs=[texts[12].replace("'", "\u2019")])))
    assert_prints(as_then[0], [-0.01162949, 0.05961934, 0.01650903, -0.02821241, -0.00116556, 0.0010672])

    question = np.asarray(query(dict(inputs=["How can Medicare help me?"])))
    cosines = (embeddings @ question.T)[:, 0]
    order = np.argsort(-cosines)
    assert [texts[place] for place in order] == ORDER
    assert [f"{cosines[place]:.4f}" for place in order[:5]] == ["0.7565", "0.7419", "0.7253", "0.6736", "0.6505"]


def assert_prints(embedding, expected):
    """As numpy prints a row: its first three numbers, and its last three."""
    shown = np.concatenate([embedding[:3], embedding[-3:]])
    assert np.abs(shown - expected).max() < 1e-6


def test_tutorial_2_with_its_options(server):
    for path in (f"/pipeline/feature-extraction/{MODEL}", f"/models/{MODEL}"):
        body = {"inputs": questions()[:2], "options": {"wait_for_model": True, "use_cache": True}}
        assert np.shape(requests.post(server.url + path, json=body).json()) == (2, DIMENSIONS)


def test_tutorial_0_asks_the_address_itself(server):
    response = requests.post(server.url, json={"inputs": "This input will get multiplied" * 10000, "truncate": True})
    assert response.status_code == 200
    assert np.shape(response.json()) == (1, DIMENSIONS)
    assert response.headers["x-truncated-inputs"] == "1"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", None])
def test_a_body_is_json_whatever_its_content_type_says(server, content_type):
    # Tutorial 3 gives curl only `-d`, which then says application/x-www-form-urlencoded.
    headers = {"Content-Type": content_type} if content_type else {}
    response = requests.post(f"{server.url}/embed", data=b'{"inputs": "Hello, world!"}', headers=headers)
    assert response.status_code == 200
    assert np.shape(response.json()) == (1, DIMENSIONS)

"""`datasets.load_dataset` on the folder that `sembla embed` leaves."""

import csv
import json

import numpy as np
import pytest
import yaml
from datasets import Dataset, Features, List, Value, load_dataset

from golden import DIMENSIONS, assert_close, plain


def embed(run, model, source, output, column="text"):
    done = run("embed", source, "--column", column, "--model", model, "--output", output)
    assert done.returncode == 0, done.stderr
    return output


def load(folder, tmp_path):
    return load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))


@pytest.fixture
def table(tmp_path):
    """A csv file whose columns are of several types, and what it holds."""
    texts, expected = plain(50)
    path = tmp_path / "texts.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "text", "label", "ratio"])
        for number, text in enumerate(texts):
            writer.writerow([number, text, f"label {number % 3}", number / 4])
    return path, texts, expected


def test_rows_columns_and_types_come_back_as_they_went_in(run, model, table, tmp_path):
    path, texts, expected = table
    dataset = load(embed(run, model, path, tmp_path / "out"), tmp_path)
    assert dataset.column_names == ["number", "text", "label", "ratio", "embedding"]
    assert dataset["text"][:] == texts
    assert dataset["number"][:] == list(range(50))
    assert dataset["ratio"][:] == [number / 4 for number in range(50)]
    assert dataset.features["embedding"] == List(Value("float32"), length=DIMENSIONS)
    assert dataset.features["number"] == Value("int64")
    assert_close(dataset.with_format("numpy")["embedding"][:], expected)


def test_the_card_says_what_made_it(run, model, table, tmp_path):
    path, texts, _ = table
    folder = embed(run, model, path, tmp_path / "out")
    card = (folder / "README.md").read_text()
    _, front, body = card.split("---\n", 2)
    info = yaml.safe_load(front)["dataset_info"]
    assert [feature["name"] for feature in info["features"]] == ["number", "text", "label", "ratio", "embedding"]
    assert info["splits"][0]["num_examples"] == len(texts)
    for word in ("all-MiniLM-L6-v2", "mean", "256", str(len(texts))):
        assert word in body, f"{word} is not in the card"


def test_nested_columns_of_json_lines_survive(run, model, tmp_path):
    texts, expected = plain(10)
    path = tmp_path / "texts.jsonl"
    rows = [{"id": f"a{i}", "text": text, "tags": ["x", "y"][: i % 3], "at": {"line": i}} for i, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = load(embed(run, model, path, tmp_path / "out"), tmp_path)
    assert dataset.remove_columns("embedding").to_list() == rows
    assert_close(dataset.with_format("numpy")["embedding"][:], expected)


def test_a_dataset_that_the_library_wrote_keeps_its_features(run, model, tmp_path):
    texts, expected = plain(10)
    features = Features({"text": Value("string"), "label": Value("int8")})
    before = Dataset.from_dict({"text": texts, "label": [1, 0] * 5}, features=features)
    before.to_parquet(str(tmp_path / "texts.parquet"))
    dataset = load(embed(run, model, tmp_path / "texts.parquet", tmp_path / "out"), tmp_path)
    assert dataset.features["label"] == Value("int8")
    assert dataset.remove_columns("embedding").to_list() == before.to_list()
    assert_close(dataset.with_format("numpy")["embedding"][:], expected)


def test_search_and_the_library_agree_on_the_order(run, model, table, tmp_path):
    path, texts, expected = table
    folder = embed(run, model, path, tmp_path / "out")
    done = run("search", folder, texts[7], "--top-k", "5", "--json")
    assert done.returncode == 0, done.stderr
    best = np.argsort(-(expected @ expected[7]), kind="stable")[:5]
    results = json.loads(done.stdout)["results"]
    assert [found["row"] for found in results] == best.tolist()
    assert [found["values"]["text"] for found in results] == [texts[place] for place in best]
    assert_close([found["score"] for found in results], (expected @ expected[7])[best])

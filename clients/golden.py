"""What sentence-transformers gave for the same texts with the same model."""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "golden" / "minilm"
DIMENSIONS = 384
# f32 on another machine and in another order of additions: some 1e-7 is usual.
TOLERANCE = 1e-5

TEXTS = json.loads((FOLDER / "texts.json").read_text())
EMBEDDINGS = np.fromfile(FOLDER / "embeddings.f32", dtype="<f4").reshape(len(TEXTS), DIMENSIONS)

# A client sends what it is given, and some change it on the way: LangChain replaces newlines, for one. So tests of
# a client take plain texts, and the tests of the server take all of them.
PLAIN = [index for index, text in enumerate(TEXTS) if text.isascii() and text.isprintable() and text == text.strip()]


def plain(count):
    """Returns some texts, and their embeddings."""
    chosen = [index for index in PLAIN if TEXTS[index]][:count]
    assert len(chosen) == count
    return [TEXTS[index] for index in chosen], EMBEDDINGS[chosen]


def with_reference(folder, name):
    """Returns the texts of a made-up model that are not empty, and what the reference gave for them."""
    texts = json.loads((folder / "texts.json").read_text())
    embeddings = np.fromfile(folder / name, dtype="<f4").reshape(len(texts), -1)
    chosen = [index for index, text in enumerate(texts) if text]
    return [texts[index] for index in chosen], embeddings[chosen]


def assert_close(got, expected):
    got = np.asarray(got, dtype=np.float32)
    assert got.shape == np.shape(expected)
    assert np.abs(got - expected).max() <= TOLERANCE

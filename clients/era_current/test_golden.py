"""All golden texts through HTTP: what sentence-transformers gives, whatever stands beside a text."""

import random

import numpy as np

from golden import EMBEDDINGS, TEXTS, assert_close
from scale import scale

# The empty string is refused by every route, as text-embeddings-inference refuses it.
PLACES = [index for index, text in enumerate(TEXTS) if text]


def embed(server, places):
    answer = server.post("/embed", {"inputs": [TEXTS[place] for place in places]})
    assert answer.status == 200, answer.body
    return np.float32(answer.json())


def test_every_text_is_what_the_reference_says(server):
    assert len(PLACES) >= 190
    assert_close(embed(server, PLACES), EMBEDDINGS[PLACES])


def test_a_mix_of_texts_gives_the_same_bits_as_each_text_alone(server):
    alone = {place: embed(server, [place])[0] for place in PLACES}
    random.seed(2)
    for _ in range(scale("mixes")):
        mix = random.choices(PLACES, k=random.randint(2, 12))
        together = embed(server, mix)
        for place, row in zip(mix, together):
            assert np.array_equal(row, alone[place]), f"text {place} differs in the mix {mix}"

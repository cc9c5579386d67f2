#!/usr/bin/env python3
"""Writes what stands in for SNLI: a csv with its columns, `premise`, `hypothesis` and `label`.

The three premises that tutorial 1 asks for stand where they stand in SNLI, and the fifteen hypotheses that it finds
are there once each. All else is made of the sentences of a file and, when these are used up, of sentences put together
from a few words. As in SNLI there are more rows than hypotheses.

Usage: make_pairs.py SENTENCES COUNT OUTPUT    a file with one a line, how many hypotheses, and the csv
"""

import csv
import itertools
import sys

PREMISES = {
    0: "A person on a horse jumps over a broken down airplane.",
    100: "A woman is walking across the street eating a banana, while a man is following with his briefcase.",
    200: "People on bicycles waiting at an intersection.",
}
FOUND = [
    "The horse jumps over a toy airplane.",
    "a lady rides a horse over a plane shaped obstacle",
    "A person getting onto a horse.",
    "person rides horse",
    "A woman riding a horse jumps over a bar.",
    "A woman eats a banana and walks across a street, and there is a man trailing behind her.",
    "A woman eats a banana split.",
    "A woman is carrying two small watermelons and a purse while walking down the street.",
    "The woman walked across the street.",
    "A woman walking on the street with a monkey on her back.",
    "A pair of people on bikes are waiting at a stoplight.",
    "Bike riders wait to cross the street.",
    "people on bicycles",
    "Group of bike riders stopped in the street.",
    "There are bicycles outside.",
]

# Nobody here is a woman, rides or waits, so that none of these is nearer than what the tutorial finds.
WHO = ["A teacher", "An old couple", "The cook", "A child", "A painter", "A sailor", "The mayor", "A nurse"]
DOES = ["paints", "repairs", "sells", "photographs", "throws away", "draws", "hides", "weighs"]
WHAT = ["a red guitar", "a small umbrella", "a wooden chair", "an expensive watch", "a wet newspaper", "a shiny coin"]
WHERE = ["in the kitchen", "at home", "by the river", "in a shop", "on a roof", "at school", "in the museum", "on a ship"]
WHEN = ["today", "at noon", "before lunch", "every day", "after the game", "on Monday", "at night", "in winter"]
HOW = ["", "again ", "quickly ", "with care "]


def main(sentences, count, output):
    hypotheses = list(itertools.islice(unique(sentences), int(count)))
    # A tenth of the rows has a hypothesis that another row has.
    rows = hypotheses + hypotheses[:: 10]
    with open(output, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["premise", "hypothesis", "label"])
        for number, hypothesis in enumerate(rows):
            writer.writerow([PREMISES.get(number, rows[number // 2]), hypothesis, number % 3])


def unique(sentences):
    """Yields each hypothesis once."""
    with open(sentences, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    made = (f"{who} {does} {what} {how}{where} {when}." for when, where, how, who, does, what in
            itertools.product(WHEN, WHERE, HOW, WHO, DOES, WHAT))
    yield from dict.fromkeys(itertools.chain(FOUND, lines, made))


if __name__ == "__main__":
    main(*sys.argv[1:])

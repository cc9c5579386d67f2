#!/usr/bin/env python3
"""Tutorial 0's request, with nothing but Python's standard library: one review, and one text far too long.

Usage: examples/review.py URL
"""

import json
import sys
import urllib.request

REVIEW = (
    "This sound track was beautiful! It paints the senery in your mind so well I would recomend it even to people "
    "who hate vid. game music!"
)


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return urllib.request.urlopen(request)


def main(url):
    with post(url, {"inputs": REVIEW, "truncate": True}) as response:
        embedding = json.load(response)[0]
    print(f"a review:         {len(embedding)} dimensions, {' '.join(f'{x:.4f}' for x in embedding[:5])} ...")

    text = "This input will get multiplied" * 10000
    with post(url, {"inputs": text, "truncate": True}) as response:
        embedding = json.load(response)[0]
        tokens, truncated = response.headers["x-compute-tokens"], response.headers["x-truncated-inputs"]
    print(f"{len(text):,} characters: {len(embedding)} dimensions, from the first {tokens} tokens")
    print(f"                  (the header x-truncated-inputs says that {truncated} input was cut)")


if __name__ == "__main__":
    main(*sys.argv[1:])

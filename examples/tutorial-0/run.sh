#!/usr/bin/env bash
# Tutorial 0, "How to use Inference Endpoints to Embed Documents".

source "$(dirname "${BASH_SOURCE[0]}")/../shared.sh"

NAME=boru-jina-embeddings-demo-ie
REVISION=84f2bcc00d77236f9e89c8a360a00fb1139bf47d

step "Get the model, the clients and the documents, and stand where the tutorial expects Hugging Face"
python_of endpoints-2024 clients/requirements-endpoints-2024.txt
MPNET=$(scripts/get-model all-mpnet-base-v2)
in_hub_cache sentence-transformers/all-mpnet-base-v2 "$REVISION" "$MPNET"
scripts/make-docstrings --table "$MADE/table.csv"
mkdir "$MADE/docstrings"
# The tutorial's documents have their text in this column.
sed '1s/docstring/content/' "$MADE/table.csv" > "$MADE/docstrings/train.csv"
serve --config "$HERE/prices.toml"
behind_proxy

step "Create an endpoint, embed 100 documents with 5 workers, pause it, keep the dataset"
show python "$HERE/embed.py"
says '^Embeddings = 100 documents = 100$'
says '^Endpoint Status: paused$'

step "Look at what it cost (the tutorial clicks on Usage & Cost)"
# A review, a text too long and 100 documents; the checks sent 1 and 10. The last second's may not be in the books yet.
for _ in {1..100}; do
    if sembla endpoint cost "$NAME" --json | grep -q '"requests": 113,'; then break; fi
    sleep 0.1
done
show sembla endpoint show "$NAME"
show sembla endpoint cost "$NAME"
sembla endpoint cost "$NAME" --json | python -c '
import json, sys
(usage,) = json.load(sys.stdin)["endpoints"]
assert usage["requests"] == 113, usage
assert usage["price_per_hour"]["shown"] == "$1.00", usage
assert usage["cost"]["millionths"] == round(usage["replica_minutes"] * 1_000_000 / 60), usage
'

step "Delete it"
show python "$HERE/delete.py"
says '^Endpoint deleted successfully$'

step "Done"

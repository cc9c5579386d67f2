#!/usr/bin/env bash
# Tutorial 1, "Hugging Face Inference Endpoints" of Pinecone's documentation.

source "$(dirname "${BASH_SOURCE[0]}")/../shared.sh"

NAME=hf-endpoints-demo
MODEL=sentence-transformers/all-mpnet-base-v2

step "Get the model, the clients and the sentences, and start a server"
python_of pinecone-2022 clients/requirements-pinecone-2022.txt
in_hub_cache "$MODEL" 84f2bcc00d77236f9e89c8a360a00fb1139bf47d "$(scripts/get-model all-mpnet-base-v2)"
scripts/make-docstrings --sentences "$MADE/sentences.txt"
show python3 "$HERE/make_pairs.py" "$MADE/sentences.txt" "$(scaled 320 50000)" "$MADE/snli.csv"
serve

step "Create an endpoint (the tutorial clicks: Create new endpoint, Task: Sentence Embeddings)"
show sembla endpoint create "$NAME" --model "$MODEL" --task sentence-embeddings --image huggingface --wait
says 'running'

step "Embed sentences, index them, ask for the nearest"
ENDPOINT_URL=$(sembla endpoint show "$NAME" --json | python -c 'import json, sys; print(json.load(sys.stdin)["status"]["url"])')
# The client of then makes an index at the address that it is asked at later.
PINECONE_HOST=$URL/pinecone/legacy/hf-endpoints
SNLI=$MADE/snli.csv
export ENDPOINT_URL PINECONE_HOST SNLI HF_HOME=$ROOT/$MADE/client-of-the-hub
LIMIT=$(scaled 600 7200) show python "$HERE/tutorial.py"

step "Delete the endpoint (the tutorial clicks: Delete endpoint)"
show sembla endpoint delete "$NAME" --yes
# Its exit code says no when there is none.
if show sembla endpoint list; then fail "the endpoint is still there"; fi

step "Done"

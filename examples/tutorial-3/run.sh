#!/usr/bin/env bash
# Tutorial 3, "Text Embeddings Inference Truss".

source "$(dirname "${BASH_SOURCE[0]}")/../shared.sh"

step "Install truss, and stand where it expects Baseten"
python_of baseten clients/requirements-baseten.txt
minilm=$(scripts/get-model)
in_hub_cache sentence-transformers/all-MiniLM-L6-v2 c9745ed1d9f207416be6d2e6f8de32d1f16199bf "$minilm"
# The store has no keys to compare with, so any will do.
VARIABLES+=(AWS_ACCESS_KEY_ID=AKIDANY AWS_SECRET_ACCESS_KEY=any)
s3_store
serve --s3-endpoint "$S3_URL"
# The bucket that Trusses are uploaded to, if --s3-bucket names no other.
show curl --no-progress-meter --fail -X PUT "$S3_URL/sembla"
behind_proxy --s3-endpoint "$S3_URL"

step "What the Truss means here"
show sembla endpoint import "$HERE/config.yaml" --dry-run
says "model +sentence-transformers/all-MiniLM-L6-v2"
says "MAX_BATCH_TOKENS=32768"
says "MAX_CONCURRENT_REQUESTS=40"

step "Endpoint, Model Selection: the other kinds of model"
for route in rerank predict; do
    sed "s#predict_endpoint: .*#predict_endpoint: /$route#" "$HERE/config.yaml" > "$MADE/$route.yaml"
    if show sembla endpoint import "$MADE/$route.yaml" --dry-run; then fail "/$route should have been refused"; fi
    says "/$route"
done
not_yet "models that rerank and that classify"

step "Deployment"
# What truss has of the person who runs this is left alone.
export BASETEN_API_KEY=any HOME=$ROOT/$MADE/home
export USER_TRUSSRC_PATH=$HOME/.trussrc TRUSS_NO_UPDATE_CHECK=1 COLUMNS=120
printf '%s\n' "[baseten]" "remote_provider = baseten" "api_key = $BASETEN_API_KEY" "remote_url = $URL" > "$USER_TRUSSRC_PATH"
truss() { timeout --foreground 120 "$(dirname "$PYTHON")/truss" "$@"; }
show cat "${USER_TRUSSRC_PATH#"$ROOT/"}"
show mkdir "$MADE/text-embeddings-inference"
show cp "$HERE/config.yaml" "$MADE/text-embeddings-inference"
show truss push "$MADE/text-embeddings-inference" --publish
says "text-embeddings-inference was successfully pushed"
MODEL_ID=$(sed -nE 's/^ *Model ID: +([^ ]+) *$/\1/p' "$MADE/shown")
export MODEL_ID

step "Call your model"
show curl --no-progress-meter -X POST "https://model-$MODEL_ID.api.baseten.co/development/predict" \
    -H "Authorization: Api-Key $BASETEN_API_KEY" \
    -d '{"input": "text string"}'
cp "$MADE/shown" "$MADE/curl.json"
echo
show python "$HERE/call.py" "$MADE/curl.json"

step "What Baseten's list of models shows"
show sembla endpoint list

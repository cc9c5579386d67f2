#!/usr/bin/env bash
# Tutorial 4, "AWS SageMaker real-time endpoints with HuggingFace Embedding Models: A Guide for LLM Application".

source "$(dirname "${BASH_SOURCE[0]}")/../shared.sh"

step "Get the models and the clients, and stand where the tutorial expects AWS"
minilm=$(scripts/get-model)
mpnet=$(scripts/get-model all-mpnet-base-v2)
python_of langchain-2023 clients/requirements-langchain-2023.txt
langchain=$PYTHON
python_of sagemaker clients/requirements-sagemaker.txt
sdk=$PYTHON

# Nothing of the person who runs this: no settings of the SDK, no profile. Neither the server nor the store has keys to
# compare with, so any will do.
for name in "${!AWS_@}"; do unset "$name"; done
export HOME=$ROOT/$MADE/home
keys=(AWS_ACCESS_KEY_ID=AKIDANY AWS_SECRET_ACCESS_KEY=any)
VARIABLES+=("${keys[@]}")
export "${keys[@]}" AWS_DEFAULT_REGION=ap-southeast-2 AWS_EC2_METADATA_DISABLED=true
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
# Not the SDK's words about its next version.
export SAGEMAKER_SUPPRESS_V2_WARNING=1 PYTHONWARNINGS=ignore

s3_store
serve --s3-endpoint "$S3_URL"
behind_proxy --s3-endpoint "$S3_URL"

step "Hugging Face on SageMaker: a task and a model of the Hub"
show python "$HERE/question_answering.py"
says "^Failed: .*question-answering"
not_yet "answering questions (HF_TASK question-answering); tasks that embed are there"

step "Example 1: an archive of all-MiniLM-L6-v2 with an inference.py"
show cp -r "$minilm" "$MADE/all-MiniLM-L6-v2"
show mkdir "$MADE/all-MiniLM-L6-v2/code"
show cp -r "$HERE/minilm/inference.py" "$HERE/minilm/requirements.txt" "$MADE/all-MiniLM-L6-v2/code/"
show sh -c "cd $MADE/all-MiniLM-L6-v2 && tar zcvf model.tar.gz *"
says "^code/inference.py$"
show python "$HERE/deploy.py" sentence-transformers/all-MiniLM-L6-v2 "$MADE/all-MiniLM-L6-v2/model.tar.gz" 384 \
    '["This is an example sentence", "Each sentence is converted"]' "$MADE/minilm"

step "Example 2: hkunlp/instructor-large, and a model with as many dimensions in its place"
if show sembla model pack "$mpnet" --handler "$HERE/instructor/inference.py" --output "$MADE/instructor.tar.gz"; then
    fail "the handler of INSTRUCTOR should have been refused"
fi
says "INSTRUCTOR"
not_yet "the architecture of hkunlp/instructor-large; all-mpnet-base-v2, with 768 dimensions, stands in for it"
show sembla model pack "$mpnet" --output "$MADE/model.tar.gz"
show python "$HERE/deploy.py" sentence-transformers/all-mpnet-base-v2 "$MADE/model.tar.gz" 768 \
    '[["Represent the Science title:", "3D ActionSLAM: wearable person tracking in multi-floor environments"]]' "$MADE/mpnet"

step "What the console of SageMaker shows"
show sembla endpoint list

step "LangChain: chunks into Chroma and into Sembla's index, and the chunks for a question out of both"
not_yet "reading PDF; a text takes the place of Apple-10k-report.pdf"
PYTHON=$langchain
show python "$HERE/ingest.py" "$(< "$MADE/mpnet")" 768 "$URL/os"
show sembla index show index-10k-report
says "dimensions +768"
not_yet "a model that writes the answer (ChatOpenAI); it would be given the chunks above"

step "The end"
PYTHON=$sdk
show python "$HERE/delete.py" "$(< "$MADE/minilm")" "$(< "$MADE/mpnet")"
# Half a gigabyte that nobody needs any more.
rm -r "$MADE/all-MiniLM-L6-v2" "$MADE/model.tar.gz"

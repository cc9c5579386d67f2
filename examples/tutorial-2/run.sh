#!/usr/bin/env bash
# Tutorial 2, "Embedding-as-a-Service using Sentence Transformers, the Hugging Face Inference API, and Datasets".

source "$(dirname "${BASH_SOURCE[0]}")/../shared.sh"

step "Get the model and the clients, and stand where the tutorial expects Hugging Face"
python_of current clients/requirements-current.txt
MODEL=$(scripts/get-model)
serve --model "$MODEL" --served-model-name sentence-transformers/all-MiniLM-L6-v2
behind_proxy

step "Make the dataset's repository"
not_yet "a Hub to create a repository at, and to push it to: the clone is a folder, and stays here"
show mkdir -p "$MADE/ITESM/embedded_faqs_medicare"
show ln -s ITESM/embedded_faqs_medicare "$MADE/embedded_faqs_medicare"

step "Embed the questions, save them, load them, and ask one more"
show python "$HERE/tutorial.py" "$MADE"

step "The same from the command line"
show sembla embed examples/medicare-faq.csv --column question --model "$MODEL" --output "$MADE/medicare"
show sembla search "$MADE/medicare" "How can Medicare help me?" --top-k 13
says '0\.7565 +How can I get help with my Medicare Part A and Part B premiums'

step "Done"

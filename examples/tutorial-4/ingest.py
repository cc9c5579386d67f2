"""Tutorial 4's last two parts: chunks into Chroma and into OpenSearch, which is Sembla's index. What is changed is in
README.md.

Usage: ingest.py ENDPOINT DIMENSIONS OPENSEARCH_URL
"""

import sys

import numpy as np

# import
from langchain.embeddings.sentence_transformer import SentenceTransformerEmbeddings
from langchain.text_splitter import CharacterTextSplitter
from langchain.vectorstores import Chroma
from langchain.vectorstores import OpenSearchVectorSearch
from langchain.document_loaders import TextLoader

from jump_start import ContentHandler, create_sagemaker_embeddings_from_js_model

QUESTION = "What is revenue last year?"
ANSWER = "48.2 million dollars"

embeddings_model_endpoint_name, dimensions, opensearch_url = sys.argv[1:]
content_handler = ContentHandler()
embeddings_endpoint = create_sagemaker_embeddings_from_js_model(embeddings_model_endpoint_name, 'ap-southeast-2')

# load the document and split it into chunks
loader = TextLoader("examples/tutorial-4/documents/annual-report.txt")
documents = loader.load()
# split it into chunks
text_splitter = CharacterTextSplitter(chunk_size=1000, chunk_overlap=0)
docs = text_splitter.split_documents(documents)
print(f"{len(documents)} document, {len(docs)} chunks")

# load it into Chroma
db = Chroma.from_documents(docs, embeddings_endpoint)

docsearch = OpenSearchVectorSearch(
    index_name="index-10k-report",
    embedding_function=embeddings_endpoint,
    opensearch_url= opensearch_url,
    http_auth=("opensearchuser",'any-Password1'),
    use_ssl=False,
    verify_certs=False,
    ssl_assert_hostname=False,
    ssl_show_warn=False    
)
docsearch.add_documents(documents=docs)


def check(is_so, what):
    if not is_so:
        sys.exit(f"this is not so: {what}")


def texts_of(documents):
    return [document.page_content for document in documents]


# What the tutorial gives to a chat model, from either store.
in_chroma = texts_of(db.as_retriever().get_relevant_documents(QUESTION))
in_sembla = texts_of(docsearch.as_retriever().get_relevant_documents(QUESTION))

# The same by hand: every chunk with the embedding that Chroma was given, closest first.
kept = db.get(include=["documents", "embeddings"])
chunks, rows = kept["documents"], np.array(kept["embeddings"])
check(sorted(chunks) == sorted(texts_of(docs)), "Chroma has every chunk")
check(rows.shape == (len(docs), int(dimensions)), f"{len(docs)} embeddings of {dimensions} numbers, got {rows.shape}")
check(np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5), "the length of each is 1")
distances = ((rows - embeddings_endpoint.embed_query(QUESTION)) ** 2).sum(axis=1)
closest = np.argsort(distances)[:4]

of_chroma = db.similarity_search_with_score(QUESTION)
of_sembla = docsearch.similarity_search_with_score(QUESTION)

print(f"\n{QUESTION}\n")
print("Chroma's distance  OpenSearch's score  chunk")
for (document, distance), (_, score) in zip(of_chroma, of_sembla):
    print(f"{distance:17.4f}  {score:18.4f}  {document.page_content[:80]}…")

check(in_chroma == in_sembla, "both stores give the same chunks in the same order")
check(in_chroma == [chunks[row] for row in closest], "these are the closest of all")
check(texts_of(document for document, _ in of_chroma) == in_chroma, "Chroma gives them with their distances, too")
check(texts_of(document for document, _ in of_sembla) == in_sembla, "OpenSearch gives them with their scores, too")
check(np.allclose([distance for _, distance in of_chroma], distances[closest], atol=1e-4), "a distance is a square")
check(np.allclose([score for _, score in of_sembla], 1 / (1 + distances[closest]), atol=1e-4), "a score is 1 / (1 + distance)")
check(ANSWER in in_sembla[0], f"the first chunk says {ANSWER}")
check(docsearch.client.count(index="index-10k-report")["count"] == len(docs), "the index has every chunk")

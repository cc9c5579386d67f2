"""Tutorial 4 from its chunks on: into Chroma and into OpenSearch, and out again for a question.

The endpoint that embeds is this server, and the model that answers is a stand-in which repeats its prompt: what
counts here is which chunks are in it.
"""

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.language_models.llms import LLM

from eras import CharacterTextSplitter, Chroma, OpenSearchVectorSearch, RetrievalQA

TOPICS = {
    "revenue": "Net sales rose by eight percent to 394.3 billion dollars during the year. Total revenue grew in every region, led by phones, and revenue from services reached a new record.",
    "suppliers": "The company relies on single suppliers for some components, most of which are assembled in Asia. A shortage or a closed harbour could delay the shipping of finished products for weeks.",
    "people": "At the end of the year there were about 164,000 full-time employees. The company offers parental leave, pays for training, and asks its staff twice a year how they like their work.",
    "courts": "The company is a party to several lawsuits about patents and about the terms of its software store. A judge dismissed nine of ten counts; both sides have appealed the verdict.",
    "buildings": "The headquarters stand in California. Further offices, data centers and retail stores in twenty-five countries are owned or leased, with some of the leases running until 2040.",
}
QUESTION = "What is revenue last year?"


class Echo(LLM):
    """Answers with the prompt."""

    @property
    def _llm_type(self):
        return "echo"

    def _call(self, prompt, stop=None, run_manager=None, **options):
        return prompt


@pytest.fixture(scope="module")
def docs():
    # A report whose chapters are long enough that each is a chunk.
    chapters = ["\n\n".join([text] * 5) for text in TOPICS.values()]
    text_splitter = CharacterTextSplitter(chunk_size=1000, chunk_overlap=0)
    documents = [Document(page_content=chapter, metadata={"source": "Apple-10k-report.pdf"}) for chapter in chapters]
    docs = text_splitter.split_documents(documents)
    assert len(docs) >= len(TOPICS)
    return docs


def assert_answers(store):
    """Asks as the tutorial does, and looks at what the answer was made from."""
    chain = RetrievalQA.from_chain_type(Echo(), chain_type="stuff", retriever=store.as_retriever(search_kwargs={"k": 1}))
    answer = chain.invoke({"query": QUESTION})["result"]
    assert QUESTION in answer
    assert TOPICS["revenue"] in answer
    assert not any(text in answer for topic, text in TOPICS.items() if topic != "revenue")


def test_chunks_go_into_chroma(docs, embeddings):
    db = Chroma.from_documents(docs, embeddings)
    assert_answers(db)
    assert_distances(db, docs, embeddings)


def assert_distances(db, docs, embeddings):
    """Chroma's distance is the square of the difference of the server's embeddings."""
    rows = np.asarray(embeddings.embed_documents([doc.page_content for doc in docs]))
    expected = ((rows - embeddings.embed_query(QUESTION)) ** 2).sum(axis=1)
    found = db.similarity_search_with_score(QUESTION, k=len(docs))
    assert np.allclose([distance for _, distance in found], np.sort(expected), atol=1e-5)


def test_chunks_go_into_opensearch(docs, embeddings, opensearch_url):
    docsearch = OpenSearchVectorSearch(
        index_name="index-10k-report",
        embedding_function=embeddings,
        opensearch_url=opensearch_url,
        http_auth=("opensearchuser", "any-password"),
        use_ssl=False,
        verify_certs=False,
        ssl_assert_hostname=False,
        ssl_show_warn=False,
    )
    docsearch.add_documents(documents=docs)
    assert_answers(docsearch)
    [best] = docsearch.similarity_search(QUESTION, k=1)
    assert best.metadata == {"source": "Apple-10k-report.pdf"}
    assert len(docsearch.as_retriever().invoke(QUESTION)) == 4

"""LangChain's store over OpenSearch: each way to search, with scores from the definitions, computed in numpy."""

import numpy as np
import pytest
from langchain_core.documents import Document

from eras import OpenSearchVectorSearch, delete
from golden import plain

TEXTS, VECTORS = plain(30)
VECTORS = VECTORS.astype(np.float64)
QUESTION, QUERY = TEXTS[3], VECTORS[3]
METADATAS = [{"page": page, "lang": ("en", "de", "fr")[page % 3], "source": "Apple 10k.pdf"} for page in range(len(TEXTS))]
IDS = [f"chunk-{page}" for page in range(len(TEXTS))]
# The scores are f32, of vectors that differ from the golden ones by some 1e-7.
TOLERANCE = 2e-5


def likeness(space, vectors=VECTORS):
    """What a script makes of each vector; `knn` makes the same of it but for the cosine, of which it makes half."""
    apart = np.abs(vectors - QUERY)
    dots = vectors @ QUERY
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(QUERY)
    return {
        "l1": 1 / (1 + apart.sum(axis=1)),
        "l2": 1 / (1 + (apart**2).sum(axis=1)),
        "linf": 1 / (1 + apart.max(axis=1)),
        "cosinesimil": 1 + dots / norms,
        "innerproduct": np.where(dots > 0, dots + 1, 1 / (1 - dots)),
    }[space]


def assert_found(found, scores, passing=None, k=5):
    """Checks pages and scores of hits against all scores: the best of those that pass, best first."""
    pages = np.argsort(-scores, kind="stable")
    pages = [page for page in pages if passing is None or passing(METADATAS[page])][:k]
    assert len(found) == len(pages)
    assert np.allclose([score for _, score in found], scores[pages], atol=TOLERANCE)
    for (document, _), page in zip(found, pages, strict=True):
        # Two pages whose scores are the same but for rounding may change places.
        assert abs(scores[document.metadata["page"]] - scores[page]) <= TOLERANCE
        assert document.page_content == TEXTS[document.metadata["page"]]


@pytest.fixture
def make(opensearch_url, embeddings, index_name):
    def make(**options):
        return OpenSearchVectorSearch.from_texts(
            TEXTS, embeddings, METADATAS, ids=IDS, opensearch_url=opensearch_url, index_name=index_name, **options
        )

    return make


def search(store, **options):
    return store.similarity_search_with_score(QUESTION, k=5, **options)


@pytest.mark.parametrize("engine", ["nmslib", "faiss", "lucene"])
@pytest.mark.parametrize("space", ["l2", "cosinesimil", "innerproduct"])
def test_approximate_search(make, engine, space):
    store = make(engine=engine, space_type=space)
    half = 0.5 if space == "cosinesimil" else 1
    assert_found(search(store), half * likeness(space))


@pytest.mark.parametrize("space", ["l1", "linf"])
def test_approximate_search_in_a_space_that_is_scanned(make, space):
    assert_found(search(make(space_type=space)), likeness(space))


@pytest.mark.parametrize("space", ["l1", "l2", "linf", "cosinesimil", "innerproduct"])
def test_script_scoring(make, space):
    store = make(is_appx_search=False)
    assert_found(search(store, search_type="script_scoring", space_type=space), likeness(space))


@pytest.mark.parametrize(("function", "space"), [("l2Squared", "l2"), ("l1Norm", "l1"), ("cosineSimilarity", "cosinesimil")])
def test_painless_scripting(make, function, space):
    store = make(is_appx_search=False)
    assert_found(search(store, search_type="painless_scripting", space_type=function), likeness(space))


GERMAN = {"term": {"metadata.lang": "de"}}
LATE_OR_GERMAN = {"bool": {"should": [GERMAN, {"range": {"metadata.page": {"gte": 20}}}]}}
NOT_FRENCH = {"bool": {"must_not": {"terms": {"metadata.lang.keyword": ["fr"]}}}}
FILTERS = [
    (GERMAN, lambda metadata: metadata["lang"] == "de"),
    (LATE_OR_GERMAN, lambda metadata: metadata["lang"] == "de" or metadata["page"] >= 20),
    (NOT_FRENCH, lambda metadata: metadata["lang"] != "fr"),
    ({"match": {"metadata.source": "apple"}}, lambda metadata: True),
    ({"term": {"metadata.lang": "it"}}, lambda metadata: False),
]


@pytest.mark.parametrize(("condition", "passing"), FILTERS)
@pytest.mark.parametrize("options", ["boolean_filter", "efficient_filter", "filter"])
def test_filters_of_approximate_search(make, options, condition, passing):
    assert_found(search(make(engine="lucene"), **{options: condition}), likeness("l2"), passing)


@pytest.mark.parametrize("clause", ["must", "should"])
def test_a_boolean_filter_in_either_clause(make, clause):
    found = search(make(), boolean_filter=GERMAN, subquery_clause=clause)
    assert_found(found, likeness("l2"), lambda metadata: metadata["lang"] == "de")


@pytest.mark.parametrize(("condition", "passing"), FILTERS)
@pytest.mark.parametrize(("kind", "space"), [("script_scoring", "l2"), ("painless_scripting", "l2Squared")])
def test_filters_of_scripts(make, kind, space, condition, passing):
    found = search(make(is_appx_search=False), search_type=kind, space_type=space, pre_filter=condition)
    assert_found(found, likeness("l2"), passing)


def test_documents_are_deleted_and_replaced(make):
    store = make()
    assert search(store)[0][0].page_content == QUESTION
    delete(store, [IDS[3], IDS[4]])
    without = likeness("l2")
    assert_found(search(store), without, lambda metadata: metadata["page"] not in (3, 4))
    store.add_texts([TEXTS[3]], [METADATAS[3]], ids=[IDS[3]])
    assert_found(search(store), without, lambda metadata: metadata["page"] != 4)


def test_documents_that_differ_from_each_other(make):
    found = make().max_marginal_relevance_search(QUESTION, k=4, fetch_k=10)
    assert len({document.metadata["page"] for document in found}) == 4
    assert found[0].page_content == QUESTION


def test_from_documents_in_pieces(opensearch_url, embeddings, index_name):
    documents = [Document(page_content=text, metadata=metadata) for text, metadata in zip(TEXTS, METADATAS, strict=True)]
    store = OpenSearchVectorSearch.from_documents(
        documents[:20], embeddings, opensearch_url=opensearch_url, index_name=index_name, max_chunk_bytes=20_000
    )
    store.add_documents(documents[20:])
    assert_found(search(store), likeness("l2"))


def test_texts_with_fields_of_other_names(make):
    store = make(vector_field="embedding", text_field="body")
    found = search(store, vector_field="embedding", text_field="body", metadata_field="metadata")
    assert_found(found, likeness("l2"))

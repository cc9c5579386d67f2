"""LangChain under the names of its eras: as tutorial 4 imports it, and where the same things are today."""

try:
    from langchain.chains import RetrievalQA
    from langchain.text_splitter import CharacterTextSplitter
    from langchain.vectorstores import Chroma, OpenSearchVectorSearch
except ModuleNotFoundError:
    from langchain_chroma import Chroma
    from langchain_classic.chains import RetrievalQA
    from langchain_community.vectorstores import OpenSearchVectorSearch
    from langchain_text_splitters import CharacterTextSplitter

__all__ = ["Chroma", "CharacterTextSplitter", "OpenSearchVectorSearch", "RetrievalQA", "delete"]


def delete(store, ids):
    """Deletes documents of a store of OpenSearch, which in 2023 left that to the client."""
    if "delete" in vars(OpenSearchVectorSearch):
        assert store.delete(ids=ids)
    else:
        actions = [{"delete": {"_index": store.index_name, "_id": id}} for id in ids]
        assert not store.client.bulk(body=actions)["errors"]

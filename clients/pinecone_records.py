"""Records with metadata, and which of them pass a filter, for the tests of every Pinecone client."""

RECORDS = [
    {"id": "en/1", "values": [1.0, 0.0, 0.0], "metadata": {"lang": "en", "year": 2019, "tags": ["a", "b"]}},
    {"id": "en/2", "values": [0.8, 0.6, 0.0], "metadata": {"lang": "en", "year": 2021, "hit": True}},
    {"id": "de/1", "values": [0.0, 1.0, 0.0], "metadata": {"lang": "de", "year": 2020}},
    {"id": "none", "values": [0.0, 0.0, 1.0]},
]

FILTERS = [
    ({"lang": "en"}, ["en/1", "en/2"]),
    ({"lang": {"$ne": "en"}}, ["de/1", "none"]),
    ({"year": {"$gt": 2019, "$lte": 2021}}, ["de/1", "en/2"]),
    ({"tags": {"$in": ["b", "c"]}}, ["en/1"]),
    ({"tags": {"$nin": ["b"]}}, ["de/1", "en/2", "none"]),
    ({"hit": {"$exists": True}}, ["en/2"]),
    ({"$or": [{"lang": "de"}, {"$and": [{"lang": "en"}, {"hit": True}]}]}, ["de/1", "en/2"]),
]

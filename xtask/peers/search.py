"""What people search vectors with today, for `cargo xtask bench --index`.

`search.py numpy DIMENSIONS ROWS QUERIES` says what it is, then answers each line with the seconds of one exact
search on one thread. `search.py pgvector DIMENSIONS ROWS QUERIES NEAREST` starts PostgreSQL with pgvector, says
how it measures, and prints a row of figures after each step, then `null`. Both speak lines of JSON and read the
vectors from files of raw floats.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

# One thread, as the search that this is held against.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np

TOP_K = 10
# What pgvector's documentation says makes a build fast: the graph in memory, and a worker for each core.
SETTINGS = """
shared_buffers = 4GB
maintenance_work_mem = 6GB
max_parallel_maintenance_workers = 1
max_wal_size = 16GB
"""
LINKS, BUILD_CANDIDATES = 16, 64
SEARCH_CANDIDATES = (40, 100, 200, 400)
COPY_ROWS = 10_000


def main():
    # What a library prints must not come between the lines that the bench reads.
    answers, sys.stdout = sys.stdout, sys.stderr

    def say(what):
        print(json.dumps(what), file=answers, flush=True)

    engine, dimensions, rows, queries, *nearest = sys.argv[1:]
    rows, queries = (np.fromfile(path, dtype="<f4").reshape(-1, int(dimensions)) for path in (rows, queries))
    if engine == "numpy":
        search_with_numpy(say, rows, queries)
    else:
        nearest = np.fromfile(nearest[0], dtype="<u4").reshape(len(queries), TOP_K)
        search_with_pgvector(say, rows, queries, nearest)


def search_with_numpy(say, rows, queries):
    say(f"numpy {np.__version__}, matrix-vector product and argpartition, one thread")
    for number, _ in enumerate(sys.stdin):
        query = queries[number % len(queries)]
        start = time.perf_counter()
        scores = rows @ query
        best = np.argpartition(scores, -TOP_K)[-TOP_K:]
        best = best[np.argsort(-scores[best])]
        say(time.perf_counter() - start)


def search_with_pgvector(say, rows, queries, nearest):
    import psycopg

    # The tests' own way to start it, with more memory.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "clients" / "stores"))
    import postgres

    postgres.SETTINGS += SETTINGS
    home = Path(tempfile.mkdtemp(prefix="sembla-postgres-"))
    if postgres.USER:
        postgres.utils.ensure_user_exists(postgres.USER)
        postgres.utils.ensure_prefix_permissions(postgres.BIN)
        shutil.chown(home, postgres.USER)
    server = postgres.start_primary(home)
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION vector")
            version = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()[0]
            say(
                f"pgvector {version} in PostgreSQL {connection.info.server_version // 10_000}, HNSW with m = {LINKS} and "
                f"ef_construction = {BUILD_CANDIDATES} built after the load with one more worker; one connection on "
                "this machine, the same rows and queries, at several ef_search"
            )
            load(say, connection, rows)
            build(say, connection, rows)
            for candidates in SEARCH_CANDIDATES:
                search(say, connection, queries, nearest, candidates)
            say(None)
            # The server ends when the bench has no more questions.
            sys.stdin.read()
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


def load(say, connection, rows):
    connection.execute(f"CREATE TABLE rows (number int PRIMARY KEY, embedding vector({rows.shape[1]}) NOT NULL)")
    # A `vector` on the wire: its length, two zero bytes, and its floats, all big-endian.
    head = np.array([rows.shape[1], 0], dtype=">i2").tobytes()
    start = time.perf_counter()
    with connection.cursor().copy("COPY rows FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for first in range(0, len(rows), COPY_ROWS):
            block = rows[first : first + COPY_ROWS].astype(">f4")
            length = (len(head) + 4 * rows.shape[1]).to_bytes(4, "big")
            pieces = (
                b"\0\2\0\0\0\4" + number.to_bytes(4, "big") + length + head + row.tobytes()
                for number, row in enumerate(block, start=first)
            )
            copy.write(b"".join(pieces))
        copy.write(b"\xff\xff")
    seconds = time.perf_counter() - start
    say({"name": "load by COPY", "figures": [("seconds", seconds), ("vectors/s", len(rows) / seconds)]})


def build(say, connection, rows):
    start = time.perf_counter()
    connection.execute(
        f"CREATE INDEX graph ON rows USING hnsw (embedding vector_cosine_ops) WITH (m = {LINKS}, ef_construction = {BUILD_CANDIDATES})"
    )
    seconds = time.perf_counter() - start
    graph, table = connection.execute("SELECT pg_relation_size('graph'), pg_table_size('rows')").fetchone()
    vectors = rows.nbytes
    say({"name": "build of the graph", "figures": [("seconds", seconds)]})
    figures = [("graph", graph / vectors), ("graph and vectors", (graph + table) / vectors)]
    say({"name": "memory to hold all, as a multiple of the vectors", "figures": figures})


def search(say, connection, queries, nearest, candidates):
    connection.execute(f"SET hnsw.ef_search = {candidates}")
    statement = f"SELECT number FROM rows ORDER BY embedding <=> %s::vector LIMIT {TOP_K}"
    texts = ["[" + ",".join(map(repr, query.tolist())) + "]" for query in queries]
    times, num_found = [], 0
    # The first round brings the graph into memory.
    for _ in range(2):
        times, num_found = [], 0
        for text, true in zip(texts, nearest):
            start = time.perf_counter()
            found = connection.execute(statement, (text,), prepare=True).fetchall()
            times.append(1e3 * (time.perf_counter() - start))
            num_found += len({number for (number,) in found} & set(true.tolist()))
    recall = num_found / nearest.size
    figures = [("recall@10", recall), ("p50 ms", float(np.median(times))), ("p95 ms", float(np.quantile(times, 0.95)))]
    say({"name": f"ef_search {candidates}", "figures": figures})


if __name__ == "__main__":
    main()

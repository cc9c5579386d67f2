"""Many requests at once, from many connections, with nothing but sockets and threads."""

import json
import random
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

WORDS = "the quick brown fox jumps over a lazy dog while seven wizards boil fresh quinces for an unhurried jury".split()


def text_of(num_words, seed):
    """Returns a text that is the same for the same seed."""
    return " ".join(random.Random(seed).choices(WORDS, k=num_words))


def mixed_lengths(count, seed=0):
    """Yields texts as searches and documents mix: most have a few words, one in a hundred fills the model."""
    lengths = random.Random(seed)
    for number in range(count):
        share = lengths.random()
        if share < 0.01:
            num_words = 300
        elif share < 0.1:
            num_words = lengths.randint(20, 60)
        else:
            num_words = lengths.randint(1, 10)
        yield text_of(num_words, number)


def post_all(server, bodies, num_connections, path="/embed"):
    """Posts each body over one of some connections that stay open; returns how often each status came."""
    bodies = iter(bodies)
    take = threading.Lock()
    counts = {}

    def work():
        connection = server.connect()
        while True:
            with take:
                body = next(bodies, None)
            if body is None:
                connection.close()
                return
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            with take:
                counts[response.status] = counts.get(response.status, 0) + 1

    with ThreadPoolExecutor(num_connections) as workers:
        for done in [workers.submit(work) for _ in range(num_connections)]:
            done.result()
    return counts


def request_bytes(server, path, body, close=False):
    """Returns a whole request, to be sent over a bare socket."""
    body = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", f"Content-Length: {len(body)}"]
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def open_socket(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=120)

"""Much at once: connections, bytes, inputs. The server answers, refuses by name, and keeps serving."""

import json
import select
import threading

import pytest
import requests

from golden import assert_close, plain
from load import open_socket, post_all, request_bytes, text_of
from scale import scale


@pytest.fixture
def still_serves(server):
    """Whatever a test did: the server is ready afterwards, and right."""
    yield
    texts, expected = plain(3)
    assert server.get("/ready").status == 200
    assert_close(server.post("/embed", {"inputs": texts}).json(), expected)


def test_many_connections_at_once_are_each_answered(server, still_serves):
    count = scale("connections")
    sockets = [open_socket(server) for _ in range(count)]
    # Health does not wait behind them.
    assert server.get("/health").status == 200
    texts, expected = plain(20)
    for number, connection in enumerate(sockets):
        connection.sendall(request_bytes(server, "/embed", {"inputs": texts[number % 20]}, close=True))
    num_embedded = 0
    for number, connection in enumerate(sockets):
        head, body = read_to_end(connection)
        status = int(head.split()[1])
        if status == 200:
            assert_close(json.loads(body), expected[[number % 20]])
            num_embedded += 1
        else:
            # More than the queue takes: refused with a time to come back, and not dropped.
            assert status == 429, head
            assert b"retry-after: " in head.lower()
            assert json.loads(body)["error_type"] == "Overloaded"
    assert num_embedded > 0


def test_those_who_are_refused_are_served_when_they_come_again(serve, model):
    with serve("--model", model, "--max-concurrent-requests", "4") as server:
        bodies = [{"inputs": text_of(100, seed)} for seed in range(200)]
        counts = post_all(server, bodies, num_connections=32)
        assert counts.get(200, 0) >= 4 and set(counts) <= {200, 429}
        # One after another, nobody is in the way.
        assert post_all(server, bodies[:20], num_connections=1) == {200: 20}


def test_a_body_over_the_limit_is_refused_and_the_setting_is_named(server, still_serves):
    body = json.dumps({"inputs": "word " * 10_000_000}).encode()
    assert len(body) > 50_000_000
    response = requests.post(f"{server.url}/embed", data=body)
    assert response.status_code == 413
    assert "payload-limit" in response.json()["error"] and "32000000" in response.json()["error"]
    # The same without a length that says so beforehand.
    response = requests.post(f"{server.url}/embed", data=iter([body[:25_000_000], body[25_000_000:]]))
    assert response.status_code == 413


def test_a_body_under_a_raised_limit_is_taken(serve, model):
    # A field that the route does not know is passed over, and its bytes count all the same.
    body = json.dumps({"inputs": "hello", "comment": "word " * 10_000_000}).encode()
    with serve("--model", model, "--payload-limit", "64000000") as server:
        answer = server.post("/embed", body)
        assert answer.status == 200
        assert answer.json() == server.post("/embed", {"inputs": "hello"}).json()


def test_any_number_of_inputs_in_one_request_is_answered_in_order(serve, tiny_model):
    count = scale("inputs_in_one_request")
    words = [text_of(1, seed) for seed in range(50)]
    # The tiny model: this is about the inputs, and their vectors are compared with their own.
    with serve("--model", tiny_model) as server:
        alone = [server.post("/embed", {"inputs": word}).json()[0] for word in words]
        meanwhile = Meanwhile(server)
        answer = server.post("/embed", {"inputs": [words[number % 50] for number in range(count)]})
        num_checks = meanwhile.finish()
    assert answer.status == 200, answer.body[:500]
    rows = answer.json()
    assert len(rows) == count
    assert all(row == alone[number % 50] for number, row in enumerate(rows))
    assert num_checks > 0


class Meanwhile:
    """Asks for the health of a server again and again, beside what else goes on."""

    def __init__(self, server):
        self._server = server
        self._end = threading.Event()
        self._statuses = []
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def finish(self):
        """Returns how often it was healthy, which is always."""
        self._end.set()
        self._thread.join()
        assert set(self._statuses) == {200}
        return len(self._statuses)

    def _ask(self):
        while not self._end.wait(0.1):
            self._statuses.append(self._server.get("/health").status)


def test_clients_that_leave_do_no_harm(server, still_serves):
    request = request_bytes(server, "/embed", {"inputs": [text_of(30, seed) for seed in range(4)]})
    for number in range(scale("hang_ups")):
        connection = open_socket(server)
        # A whole request, half of one, or half of its head: and nobody waits for an answer.
        end = (len(request), len(request) // 2, 20)[number % 3]
        connection.sendall(request[:end])
        connection.close()
    server.wait_until(lambda: server.metric("te_queue_size") == 0, "rid of those who left")


def test_a_client_that_leaves_is_forgotten_before_its_turn(serve, model):
    # One thread and many tokens: there is time to leave while waiting.
    with serve("--model", model, "--threads", "1", "--max-batch-tokens", "2048") as server:
        inputs = [text_of(250, seed) for seed in range(200)]
        connections = [open_socket(server) for _ in range(4)]
        for connection in connections:
            connection.sendall(request_bytes(server, "/embed", {"inputs": inputs}))
        server.wait_until(lambda: server.metric("te_batch_next_tokens_sum") > 0, "busy")
        for connection in connections:
            connection.close()
        # All of it would take one thread minutes. What nobody waits for takes none.
        server.wait_until(lambda: server.metric("te_queue_size") == 0, "rid of those who left")
        assert 0 < server.metric("te_batch_next_tokens_sum") < len(connections) * len(inputs) * 250 / 2


def read_to_end(connection):
    data = b""
    with connection:
        while True:
            select.select([connection], [], [], 120)
            part = connection.recv(65_536)
            if not part:
                head, _, body = data.partition(b"\r\n\r\n")
                return head, body
            data += part

"""Ends, wanted and unwanted: what was begun is finished, what was killed leaves nothing behind."""

import json
import random
import shutil
import signal
import subprocess
import threading

from load import open_socket, post_all, request_bytes, text_of
from scale import scale
from serving import Server


def busy(server, num_inputs=200):
    """Posts a long request from a thread of its own; returns when the server works on it."""
    answers = []
    body = {"inputs": [text_of(40, seed) for seed in range(num_inputs)], "dimensions": 2}

    def ask():
        try:
            answers.append(server.post("/embed", body))
        except OSError as err:
            answers.append(err)

    thread = threading.Thread(target=ask)
    thread.start()
    server.wait_until(lambda: server.metric("te_queue_size") > 0, "busy")
    return thread, answers


def test_a_batch_is_finished_before_a_terminated_server_ends(serve, model):
    for _ in range(scale("terminations")):
        with serve("--model", model) as server:
            thread, answers = busy(server)
            server.process.send_signal(signal.SIGTERM)
            thread.join()
            assert answers[0].status == 200
            assert len(answers[0].json()) == 200
            assert server.process.wait(60) == 0


def test_a_server_that_stops_takes_no_more_work(serve, model):
    with serve("--model", model) as server:
        # A connection from before: new ones are not accepted any more.
        connection = server.connect()
        connection.request("GET", "/ready")
        assert connection.getresponse().read() is not None
        thread, answers = busy(server)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for(r"(?i)drain|stopp|shutting")
        try:
            refused = server.post("/embed", {"inputs": "late"}).status == 503
        except OSError:
            refused = True
        assert refused
        thread.join()
        assert answers[0].status == 200


def test_draining_has_an_end(serve, model):
    with serve("--model", model, "--drain-limit", "1", "--threads", "1") as server:
        thread, answers = busy(server, num_inputs=20_000)
        server.process.send_signal(signal.SIGTERM)
        # Tens of thousands of inputs take one thread minutes; those who wait for them are cut off.
        assert server.process.wait(60) == 0
        thread.join()
        assert isinstance(answers[0], OSError)


def test_a_killed_server_starts_again_at_once_on_the_same_port(serve, model):
    port = 0
    for _ in range(scale("kills")):
        server = serve("--model", model, port=port)
        try:
            # Open connections and a request under way are no reason not to listen there again.
            idle = [open_socket(server) for _ in range(20)]
            idle[0].sendall(request_bytes(server, "/embed", {"inputs": [text_of(200, seed) for seed in range(50)]}))
            assert post_all(server, [{"inputs": text_of(5, 0)}] * 20, num_connections=4) == {200: 20}
        finally:
            server.kill()
        port = server.port
    with serve("--model", model, port=port) as server:
        assert server.post("/embed", {"inputs": "back"}).status == 200


def test_a_killed_job_leaves_no_half_dataset_and_runs_again(binary, model, run, tmp_path):
    source = tmp_path / "texts.txt"
    texts = [text_of(20, seed) for seed in range(1_500)]
    source.write_text("\n".join(texts) + "\n")
    output = tmp_path / "out"
    command = ["embed", source, "--column", "text", "--model", model, "--output", output]
    moments = random.Random(7)

    def assert_whole():
        found = json.loads(run("search", output, texts[17], "--top-k", "1", "--json").stdout)["results"]
        assert found[0]["row"] == 17
        assert f"num_examples: {len(texts)}" in (output / "README.md").read_text()

    for _ in range(scale("kills")):
        environment = Server.environment(tmp_path)
        job = subprocess.Popen(list(map(str, [binary, *command])), env=environment, stderr=subprocess.DEVNULL)
        try:
            # Anywhere between its start and shortly after its end.
            job.wait(timeout=moments.uniform(0, 8))
        except subprocess.TimeoutExpired:
            job.kill()
            job.wait()
        if output.exists():
            assert_whole()
            shutil.rmtree(output)
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert_whole()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".out")) == []

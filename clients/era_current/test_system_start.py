"""Start: how long from exec to ready. Reported and not judged: a busy machine says nothing about the program."""

import time

from load import text_of


def test_a_server_starts_and_says_when_it_is_ready(serve, model, figure):
    times = []
    for _ in range(3):
        start = time.monotonic()
        with serve("--model", model) as server:
            times.append(time.monotonic() - start)
            assert server.post("/embed", {"inputs": text_of(5, seed=0)}).status == 200
            assert server.stop() == 0
    # The first may read the weights from the disk.
    figure(f"{min(times[1:]) * 1000:.0f} ms from exec to /ready with a warm page cache")

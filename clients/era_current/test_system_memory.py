"""Memory while serving: the weights once, and a bounded rest."""

from load import mixed_lengths, post_all
from scale import scale

# Packed weights, activations, queue, connections, the binary itself. The pages of the weights' file are dropped
# once they are packed.
ALLOWANCE = 150 * 10**6


def test_memory_stays_within_the_weights_and_a_fixed_allowance(serve, model, figure):
    weights = (model / "model.safetensors").stat().st_size
    count = scale("memory_requests")
    with serve("--model", model) as server:
        at_start = server.rss()
        most = at_start
        # In parts, so that a peak in the middle is seen.
        parts = 10
        texts = mixed_lengths(count)
        for _ in range(parts):
            bodies = ({"inputs": text, "truncate": True} for _, text in zip(range(count // parts), texts))
            assert post_all(server, bodies, num_connections=16) == {200: count // parts}
            most = max(most, server.rss())
        figure(
            f"{at_start / 1e6:.0f} MB at start, at most {most / 1e6:.0f} MB during {count} requests; "
            f"the weights' file has {weights / 1e6:.0f} MB"
        )
        assert most <= weights + ALLOWANCE

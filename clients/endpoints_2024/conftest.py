"""The control plane, the way to it, and an end to waits that have none."""

import signal

import pytest

from control_plane import client_environment, control_plane, exports, proxied

__all__ = ["client_environment", "control_plane", "exports", "proxied"]

# Seconds for one test. It is for a machine that does much else, and reached only when something is wrong.
LIMIT = 300


@pytest.fixture(autouse=True)
def limited(proxied):
    """Tutorial 0 waits without a limit, and its client repeats a request that is answered with 503 for ever."""

    def give_up(*_):
        raise TimeoutError(f"the test took more than {LIMIT} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)

"""What the scripts beside this one share: a free port, and a loop of commands that ends with its caller."""

import json
import socket
import sys


def free_port():
    """Returns a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def obey(state, commands):
    """Says where the servers are, then carries out one command a line, until the caller is gone."""
    print(json.dumps(state), flush=True)
    for line in sys.stdin:
        commands[line.strip()]()
        print("done", flush=True)

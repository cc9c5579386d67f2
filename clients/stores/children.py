"""What the scripts beside this one share: a free port, servers that end with their script, and a loop of commands
that ends with its caller."""

import ctypes
import json
import signal
import socket
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1


def free_port():
    """Returns a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(command, log, farewell=signal.SIGKILL, **options):
    """Starts a server. The kernel sends it `farewell` when this script is gone, however it went."""
    prctl = ctypes.CDLL(None).prctl

    def end_with_parent():
        prctl(PR_SET_PDEATHSIG, int(farewell))

    words = [str(word) for word in command]
    with open(log, "ab") as output:
        # After the change of user, which would undo it.
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=end_with_parent, **options
        )


def wait_until(is_ready, process, log):
    """Waits until a server answers; ends the script with the server's words if it does not."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if is_ready():
            return
        time.sleep(0.02)
    sys.exit(f"{process.args[0]} did not start:\n" + log.read_text(errors="replace"))


def obey(state, commands):
    """Says where the servers are, then carries out one command a line, until the caller is gone."""
    print(json.dumps(state), flush=True)
    for line in sys.stdin:
        commands[line.strip()]()
        print("done", flush=True)

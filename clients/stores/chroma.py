"""Runs a Chroma server for tests.

Prints its port as one line of JSON, then takes commands from stdin, one a line: `kill` ends it without a
farewell, `start` starts it again where it was. All ends, and all files go, when stdin closes.
"""

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from children import free_port, obey


class Server:
    def __init__(self, home):
        self.home = home
        self.port = free_port()
        self.process = None

    def start(self):
        program = Path(sys.executable).parent / "chroma"
        command = [program, "run", "--path", self.home / "data", "--host", "127.0.0.1", "--port", str(self.port)]
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait()

    def wait(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v2/heartbeat").close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("chroma did not start:\n" + (self.home / "log").read_text(errors="replace"))

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()


def main():
    home = Path(tempfile.mkdtemp(prefix="sembla-chroma-"))
    server = Server(home)
    try:
        server.start()
        obey({"ports": [server.port]}, {"kill": server.kill, "start": server.start})
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

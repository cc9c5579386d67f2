"""Runs a server that speaks S3 for tests: moto's, which keeps everything in memory and checks no signatures.

Prints its port as one line of JSON, then takes commands from stdin, one a line: `kill` ends it without a
farewell, `start` starts it again, empty. All ends when stdin closes.
"""

import shutil
import sys
import tempfile
import urllib.request
from pathlib import Path

from children import free_port, obey, start, wait_until


class Server:
    def __init__(self, home):
        self.log = home / "log"
        self.port = free_port()
        self.process = None

    def start(self):
        program = Path(sys.executable).parent / "moto_server"
        self.process = start([program, "-H", "127.0.0.1", "-p", self.port], self.log)
        wait_until(self.answers, self.process, self.log)

    def answers(self):
        try:
            # Not of one service, which would be loaded for it.
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/moto-api/").close()
            return True
        except OSError:
            return False

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()


def main():
    home = Path(tempfile.mkdtemp(prefix="sembla-s3-"))
    server = Server(home)
    try:
        server.start()
        obey({"ports": [server.port]}, {"kill": server.kill, "start": server.start})
    finally:
        server.kill()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

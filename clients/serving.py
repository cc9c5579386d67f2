"""A `sembla serve` process: started on a free port, watched, and stopped."""

import http.client
import json
import os
import re
import resource
import signal
import subprocess
import threading
import time
import urllib.parse

# The soft limit that people's shells have, read before conftest.py raises it for the tests' own sockets.
USUAL_OPEN_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)

# Long enough for a machine that does much else. Every wait is for a state, and ends when it is reached.
PATIENCE = 120


class Server:
    """Starts with `Server.start`, and stops at the end of a `with`."""

    def __init__(self, process, folder):
        self.process = process
        self.folder = folder
        self.lines = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def start(cls, binary, folder, arguments, port=0, ready=True, variables=None):
        command = [binary, "serve", "--port", str(port), *map(str, arguments)]
        server = cls(
            subprocess.Popen(
                list(map(str, command)),
                env=cls.environment(folder) | (variables or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, USUAL_OPEN_FILES),
            ),
            folder,
        )
        try:
            server.url = server.wait_for(r"http://[\w.]+:\d+").rstrip("/")
            server.port = urllib.parse.urlsplit(server.url).port
            if ready:
                server.wait_until(lambda: server.get("/ready").status == 200, "ready")
        except BaseException:
            server.kill()
            raise
        return server

    @staticmethod
    def environment(folder):
        """Nothing of the person who runs the tests gets in: no settings, no keys, no caches."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
        return kept | {"HOME": str(folder), "SEMBLA_DATA_DIR": str(folder / "data"), "HF_HUB_OFFLINE": "1"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Asks it to stop, waits, and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)

    def wait_for(self, pattern):
        """Returns the first match in what it printed, or fails when it ends without one."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while True:
                for line in self.lines:
                    if found := re.search(pattern, line):
                        return found.group()
                left = deadline - time.monotonic()
                assert self._reader.is_alive() and left > 0, f"no {pattern} in what the server said:\n{self.log()}"
                self._news.wait(left)

    def wait_until(self, is_so, what):
        """Asks again and again until something is so."""
        deadline = time.monotonic() + PATIENCE
        while True:
            assert self.process.poll() is None, f"the server ended before it was {what}:\n{self.log()}"
            try:
                if is_so():
                    return
            except OSError as err:
                # Not listening yet, or too busy to accept: neither is the state that is waited for.
                last = err
            else:
                last = None
            assert time.monotonic() < deadline, f"not {what} after {PATIENCE} s ({last}):\n{self.log()}"
            time.sleep(0.01)

    def log(self):
        return "".join(self.lines)

    def rss(self):
        """Returns the resident memory in bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            kib = next(line.split()[1] for line in status if line.startswith("VmRSS:"))
        return int(kib) * 1024

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def get(self, path):
        return self._ask("GET", path)

    def post(self, path, body, headers=None):
        """Posts JSON, or bytes as they are."""
        if not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body).encode()
        return self._ask("POST", path, body, {"Content-Type": "application/json"} | (headers or {}))

    def metric(self, name):
        """Returns the sum of a metric over its labels; 0 while nothing was counted."""
        lines = self.get("/metrics").body.decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}[ {{]", line))

    def _ask(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def _read(self):
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line)
                self._news.notify_all()
        with self._news:
            self._news.notify_all()


class Answer:
    """A response that was read to its end."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

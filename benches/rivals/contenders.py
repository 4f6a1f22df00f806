"""The commands that are compared, and which entries of their output are counted."""

import json
import os
import re
import shutil
import subprocess
import tempfile

from server import ROOT

REFERENCE = "select relname, relkind, reltuples, pg_relation_size(oid) from pg_class"


def find(program, *paths):
    """Returns the path of a program: on PATH, in the folder of `benches/rivals.sh`, or one of `paths`."""
    known = [shutil.which(program), f"{ROOT}/target/rivals/bin/{program}", *paths]
    return next((path for path in known if path and os.path.exists(path)), None)


PGTEND = os.environ.get("PGTEND") or find("pgtend", f"{ROOT}/target/release/pgtend")
PG_EXTRAS = find("pgextras")
CHECK_POSTGRES = find("check_postgres")
CHECK_PGACTIVITY = find("check_pgactivity", "/usr/lib/nagios/plugins/check_pgactivity")
PGCLUU = find("pgcluu_collectd")
PGMETRICS = find("pgmetrics")


class Tool:
    def __init__(self, name, program, version, made_by):
        self.name, self.program, self.version_arguments, self.made_by = name, program, version, made_by

    def version(self):
        if not self.program:
            return None
        done = subprocess.run([self.program, *self.version_arguments], capture_output=True, text=True, check=False)
        found = re.search(r"(\d+\.\d+(?:\.\d+)?)(?: \(([0-9a-f]{7,}))?", done.stdout + done.stderr)
        if not found:
            return "unknown"
        return f"{found[1]}, commit {found[2]}" if found[2] else found[1]


TOOLS = [
    Tool("pgtend", PGTEND, ["--version"], "this project"),
    Tool("psql", find("psql"), ["--version"], "PostgreSQL, C"),
    Tool("pg-extras", PG_EXTRAS, ["--version"], "crates.io, Rust"),
    Tool("check_postgres", CHECK_POSTGRES, ["--version"], "Debian, Perl"),
    Tool("check_pgactivity", CHECK_PGACTIVITY, ["--version"], "Debian, Perl"),
    Tool("pgcluu_collectd", PGCLUU, ["--version"], "Debian, Perl"),
    Tool("pgmetrics", PGMETRICS, ["--version"], "GitHub releases, Go"),
]


class Contender:
    """One command of one tool. `fine` are its exit codes without an error."""

    def __init__(self, name, program, arguments, counted=None, fine=(0,), **more):
        self.name, self.program, self.arguments, self.fine = name, program, arguments, fine
        # The name of the counted entries, and the function that counts them.
        self.what, self.count = counted or ("", None)
        self.more = more

    def command(self, database):
        values = {"host": database.host, "port": database.port, "name": database.name, "user": database.user,
                  "temporary": TEMPORARY}
        return [self.program, *[argument.format(**values) for argument in self.arguments]]

    def environment(self, database):
        return {**database.environment(), **self.more}


TEMPORARY = tempfile.mkdtemp(prefix="pgtend-rivals.")


def in_json(key):
    return lambda output: len(json.loads(output)[key])


def lines(pattern):
    return lambda output: len(re.findall(pattern, output, re.MULTILINE))


def rows_of_box(output):
    """Counts the rows of a pg-extras table: a title, a double line, the heading, the rows."""
    below = output.partition("=+\n")[2]
    return max(0, lines(r"^\| ")(below) - 1)


PERL = ["-H", "{host}", "-p", "{port}", "-db", "{name}", "-u", "{user}"]
ACTIVITY = ["-h", "{host}", "-p", "{port}", "-U", "{user}", "-d", "{name}", "--status-file", "{temporary}/status"]
NAGIOS = (0, 1, 2)


def contenders(schema):
    """Returns the commands of installed tools, the reference first; pg-extras reads one `schema` at a time."""
    extras = {"PG_EXTRAS_SCHEMA": schema}
    every = [
        Contender("relation sizes, the common query", find("psql"), ["-X", "-A", "-t", "-c", REFERENCE],
                  ("relations", lines(r"^."))),
        Contender("pgtend tables", PGTEND, ["tables", "--format", "json"], ("tables", in_json("tables"))),
        Contender("pgtend tables --exact", PGTEND, ["tables", "--exact", "--format", "json"],
                  ("tables", in_json("tables"))),
        Contender("pgtend indexes", PGTEND, ["indexes", "--format", "json"], ("indexes", in_json("indexes"))),
        Contender("pgtend overview", PGTEND, ["overview"]),
        Contender("pgtend check", PGTEND, ["check", "--history", "none"], fine=(0, 1, 2, 3)),
        Contender("pg-extras total-table-size", PG_EXTRAS, ["total-table-size"], ("tables", rows_of_box), **extras),
        Contender("pg-extras index-size", PG_EXTRAS, ["index-size"], ("indexes", rows_of_box), **extras),
        Contender("pg-extras unused-indexes", PG_EXTRAS, ["unused-indexes"], ("candidates", rows_of_box), **extras),
        Contender("pg-extras bloat", PG_EXTRAS, ["bloat"], ("relations", rows_of_box), **extras),
        Contender("pg-extras diagnose", PG_EXTRAS, ["diagnose"], **extras),
        Contender("check_postgres total_relation_size", CHECK_POSTGRES,
                  [*PERL, "--action=total_relation_size", "-w", "100TB", "-c", "200TB"],
                  ("relations", lines(r"=\d+B;")), NAGIOS),
        Contender("check_postgres bloat", CHECK_POSTGRES, [*PERL, "--action=bloat", "-w", "50%", "-c", "90%"], None, NAGIOS),
        Contender("check_pgactivity btree_bloat", CHECK_PGACTIVITY,
                  [*ACTIVITY, "-s", "btree_bloat", "-w", "50%", "-c", "90%", "--dbinclude", "^{name}$"], None, NAGIOS),
        Contender("check_pgactivity table_bloat", CHECK_PGACTIVITY,
                  [*ACTIVITY, "-s", "table_bloat", "-w", "50%", "-c", "90%", "--dbinclude", "^{name}$"], None, NAGIOS),
        Contender("pgcluu_collectd, one sample of everything", PGCLUU,
                  ["-h", "{host}", "-p", "{port}", "-U", "{user}", "-d", "{name}", "--included-db", "{name}", "-C", "1", "-i", "1", "-S",
                   "--no-sysinfo", "-f", "{temporary}/pid", "{temporary}"]),
        Contender("pgmetrics", PGMETRICS,
                  ["--no-password", "-h", "{host}", "-p", "{port}", "-U", "{user}", "-f", "json", "{name}"],
                  ("tables", in_json("tables"))),
    ]
    return [contender for contender in every if contender.program]

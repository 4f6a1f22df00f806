"""Index advice: the drops that each tool's rules suggest for the corpus of tests/it/fixtures."""

import csv
import glob
import json
import os
import re
import subprocess

from contenders import PG_EXTRAS, PGCLUU, PGTEND
from server import ROOT

CORPUS = f"{ROOT}/tests/it/fixtures/corpus"
SCHEMA = "shop"
# The rule that most articles recommend.
PLAIN = """select s.indexrelname from pg_stat_user_indexes s join pg_index i using (indexrelid)
            where s.idx_scan = 0 and not i.indisunique"""


class Truth:
    """The expected verdict of each index, from indexes.expected.tsv."""

    def __init__(self):
        self.verdict, self.groups = {}, {}
        with open(f"{CORPUS}/indexes.expected.tsv", encoding="utf-8") as file:
            rows = csv.reader((line for line in file if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE)
            for index, verdict, _finding, why in rows:
                if group := re.fullmatch(r"(\d+)of\d+:(\w+)", verdict):
                    self.groups.setdefault(group[2], (int(group[1]), set()))[1].add(index)
                elif verdict == "not-keep":
                    verdict = "drop"
                elif verdict == "not-drop":
                    # For the smallest indexes the corpus only says that a drop frees too little.
                    verdict = "review" if "kB" in why else "keep"
                self.verdict[index] = verdict

    def droppable(self):
        return sum(verdict == "drop" for verdict in self.verdict.values()) + sum(most for most, _ in self.groups.values())

    def score(self, suggested):
        """Returns the names of right, doubtful and harmful suggestions."""
        right, doubtful, harmful = [], [], []
        for index in sorted(suggested):
            names = {"drop": right, "review": doubtful, "keep": harmful}.get(self.verdict.get(index))
            if names is not None:
                names.append(index)
        for most, members in self.groups.values():
            chosen = sorted(suggested & members)
            right += chosen[:most]
            harmful += chosen[most:]
        return right, doubtful, harmful


def all_but_one(truth, groups):
    """Returns the suggestions for groups of duplicates, with the best choice of the index to keep in each group."""
    suggested = set()
    for group in groups:
        choices = [group - {kept} for kept in sorted(group)]
        suggested |= max(choices, key=lambda choice: (len(truth.score(choice)[0]), -len(truth.score(choice)[2])))
    return suggested


def output(command, database, **more):
    done = subprocess.run(command, env={**database.environment(), **more}, capture_output=True, text=True, check=True)
    return done.stdout


def cells(text):
    """Returns the cells of a table drawn with | and -."""
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("|")]


def unquoted(name):
    """Returns the output of regclass without schema and quotes."""
    bare = re.sub(rf"^{SCHEMA}\.", "", name)
    return bare[1:-1].replace('""', '"') if bare.startswith('"') else bare


def plain(database, _truth):
    return {row[0] for row in database.sql(PLAIN)}


def pgtend(database, _truth):
    limits = ["--min-observation", "0", "--min-reclaim", "100kB", "--history", "none"]
    report = json.loads(output([PGTEND, "indexes", "--format", "json", *limits], database))
    return {index["index"] for index in report["indexes"] if index["verdict"] == "drop"}


def pg_extras_unused(database, _truth):
    text = output([PG_EXTRAS, "unused-indexes"], database, PG_EXTRAS_SCHEMA=SCHEMA)
    known = {row[0] for row in database.sql(f"select indexrelname from pg_stat_user_indexes where schemaname = '{SCHEMA}'")}
    return {cell for row in cells(text) for cell in row if cell in known}


def pg_extras_duplicates(database, truth):
    """Runs its statement from the crate's source: 0.7.2 prints the rows without the names."""
    home = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
    sources = glob.glob(f"{home}/registry/src/*/pg-extras-*/src/sql/duplicate_indexes.sql")
    if not sources:
        return set()
    with open(max(sources), encoding="utf-8") as file:
        rows = database.sql(file.read().strip().rstrip(";"))
    groups = [{unquoted(cell) for cell in row[1:] if unquoted(cell) in truth.verdict} for row in rows]
    return all_but_one(truth, [group for group in groups if len(group) > 1])


def pgcluu_sql(routine):
    """Returns the statement that pgcluu_collectd generates for a current server."""
    with open(PGCLUU, encoding="utf-8", errors="replace") as file:
        body = re.search(rf"^sub {routine}\n{{.*?^}}", file.read(), re.MULTILINE | re.DOTALL).group(0)
    program = f"sub backend_minimum_version {{ 1 }}\n{body}\nprint {routine}();"
    return subprocess.run(["perl", "-e", program], capture_output=True, text=True, check=True).stdout


def pgcluu_unused(database, _truth):
    return {row[4] for row in database.sql(pgcluu_sql("dump_unusedindexes"))}


def pgcluu_redundant(database, _truth):
    named = (re.match(r'CREATE (?:UNIQUE )?INDEX ("(?:[^"]|"")+"|\S+) ON', row[2]) for row in
             database.sql(pgcluu_sql("dump_redundantindexes")))
    return {unquoted(match[1]) for match in named if match}


RULES = [
    ("pgtend indexes, verdict drop", PGTEND, pgtend),
    ("the plain query: never scanned, not unique", "psql", plain),
    ("pg-extras unused-indexes", PG_EXTRAS, pg_extras_unused),
    ("pg-extras duplicate-indexes, its statement, best choice", PG_EXTRAS, pg_extras_duplicates),
    ("pgcluu, unused indexes", PGCLUU, pgcluu_unused),
    ("pgcluu, redundant indexes", PGCLUU, pgcluu_redundant),
]


def refused(database, suggested):
    """Returns how many drops the server refuses; each is tried alone and rolled back."""
    count = 0
    for index in suggested:
        quoted = '"' + index.replace('"', '""') + '"'
        script = f"begin; set local lock_timeout = '2s'; drop index {SCHEMA}.{quoted}; rollback;"
        done = subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1"], input=script, env=database.environment(),
                              capture_output=True, text=True, check=False)
        count += done.returncode != 0
    return count


def evaluate_rules(database):
    """Yields each rule's name and its suggestions."""
    truth = Truth()
    for name, program, rule in RULES:
        if not program:
            yield name, None
            continue
        suggested = rule(database, truth) & set(truth.verdict)
        right, doubtful, harmful = truth.score(suggested)
        yield name, {"suggested": suggested, "right": right, "doubtful": doubtful, "harmful": harmful,
                     "refused": refused(database, suggested), "of": truth.droppable()}

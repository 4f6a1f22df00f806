"""The corpus of tests/it/fixtures against each tool's own rules: which indexes would they have dropped?"""

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
# The rule of a hundred articles, as short as they have it.
PLAIN = """select s.indexrelname from pg_stat_user_indexes s join pg_index i using (indexrelid)
            where s.idx_scan = 0 and not i.indisunique"""


class Truth:
    """What may become of each index, as indexes.expected.tsv has it."""

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
                    # Of the smallest the corpus says only that it is not worth it.
                    verdict = "review" if "kB" in why else "keep"
                self.verdict[index] = verdict

    def may_go(self):
        return sum(verdict == "drop" for verdict in self.verdict.values()) + sum(most for most, _ in self.groups.values())

    def score(self, suggested):
        """Right, open to doubt, harmful, by name."""
        right, doubtful, harmful = [], [], []
        for index in sorted(suggested):
            pile = {"drop": right, "review": doubtful, "keep": harmful}.get(self.verdict.get(index))
            if pile is not None:
                pile.append(index)
        for most, members in self.groups.values():
            chosen = sorted(suggested & members)
            right += chosen[:most]
            harmful += chosen[most:]
        return right, doubtful, harmful


def all_but_one(truth, groups):
    """What "these are the same" suggests, chosen as kindly as the corpus allows: of each group the best one stays."""
    suggested = set()
    for group in groups:
        ways = [group - {stays} for stays in sorted(group)]
        suggested |= max(ways, key=lambda way: (len(truth.score(way)[0]), -len(truth.score(way)[2])))
    return suggested


def output(command, database, **more):
    done = subprocess.run(command, env={**database.environment(), **more}, capture_output=True, text=True, check=True)
    return done.stdout


def cells(text):
    """The body of a box drawn with | and -."""
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("|")]


def unquoted(name):
    """What regclass prints, without schema and quotes."""
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
    """Its statement as it is, from the crate's source: 0.7.2 prints the rows without the names."""
    home = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
    sources = glob.glob(f"{home}/registry/src/*/pg-extras-*/src/sql/duplicate_indexes.sql")
    if not sources:
        return set()
    with open(max(sources), encoding="utf-8") as file:
        rows = database.sql(file.read().strip().rstrip(";"))
    groups = [{unquoted(cell) for cell in row[1:] if unquoted(cell) in truth.verdict} for row in rows]
    return all_but_one(truth, [group for group in groups if len(group) > 1])


def pgcluu_sql(routine):
    """The statement as pgcluu_collectd itself makes it for a current server."""
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
    ("pg-extras duplicate-indexes, its statement, the kindest choice", PG_EXTRAS, pg_extras_duplicates),
    ("pgcluu, unused indexes", PGCLUU, pgcluu_unused),
    ("pgcluu, redundant indexes", PGCLUU, pgcluu_redundant),
]


def refused(database, suggested):
    """How many of them the server would not drop, each tried alone and taken back."""
    count = 0
    for index in suggested:
        quoted = '"' + index.replace('"', '""') + '"'
        script = f"begin; set local lock_timeout = '2s'; drop index {SCHEMA}.{quoted}; rollback;"
        done = subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1"], input=script, env=database.environment(),
                              capture_output=True, text=True, check=False)
        count += done.returncode != 0
    return count


def judged(database):
    """Each rule's name, how many it suggests, and what these are."""
    truth = Truth()
    for name, program, rule in RULES:
        if not program:
            yield name, None
            continue
        suggested = rule(database, truth) & set(truth.verdict)
        right, doubtful, harmful = truth.score(suggested)
        yield name, {"suggested": suggested, "right": right, "doubtful": doubtful, "harmful": harmful,
                     "refused": refused(database, suggested), "of": truth.may_go()}

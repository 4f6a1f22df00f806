"""Comparison of pgtend with other tools: `benches/rivals.sh` prepares and runs this.

    python3 benches/rivals [--scale CONNINFO] [--rounds 5] [--write]

Without --write the tables are printed to stdout only. No figure is a failure.
"""

import argparse
import os
import platform
import shutil
import signal
import sys

import page
from contenders import PGTEND, TEMPORARY, TOOLS, contenders
from judgement import CORPUS, evaluate_rules
from measure import ONCE, Peaks, Refused, fresh_backend, interleaved, run, spread
from proxy import Proxy
from server import Cluster, Database

HEAD = ["command", "time", "ratio to psql", "tool", "server computes", "backend grows", "round trips", "connections",
        "entries"]


def measured(database, schema, rounds):
    baseline, rows, able, once = fresh_backend(database), {}, [], {}
    for contender in contenders(schema):
        print(f"  {contender.name}", file=sys.stderr)
        try:
            peaks = Peaks(database.postmaster(), database)
            output, seconds, client = run(contender, database, peaks.sample)
            proxy = Proxy(database)
            run(contender, database.through(proxy.port))
            proxy.close()
        except Refused as refused:
            rows[contender.name] = [f"failed: {refused}", *[""] * 7]
            continue
        if seconds > ONCE:
            once[contender.name] = [seconds]
        else:
            able.append(contender)
        backend, computed = peaks.backend(), sum(peaks.computed.values())
        growth = None if backend is None or baseline is None else max(0, backend - baseline)
        entries = f"{contender.count(output):,} {contender.what}" if contender.count else ""
        rows[contender.name] = ["", "", f"{client / 1024:.0f} MB", f"{computed:.2f} s" if peaks.computed else "not measured",
                                "not measured" if growth is None else f"{growth / 1024:.0f} MB", str(proxy.turns),
                                str(proxy.connections), entries]
    times = interleaved(able, database, rounds)
    every = {**times, **once}
    # The first row is the reference.
    reference = spread(every[next(iter(rows))])[0]
    for name, seconds in every.items():
        median, least, most = spread(seconds)
        spread_text = f" ({least:.2f}–{most:.2f})" if len(seconds) > 1 else ", once"
        rows[name][0], rows[name][1] = f"{median:.2f} s{spread_text}", f"{median / reference:.2f}"
    return page.table(HEAD, [[f"`{name}`" if name.startswith("pg") or "_" in name else name, *cells] for name, cells in rows.items()])


def describe(database):
    own = "relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)"
    kinds = ", ".join(f"count(*) filter (where relkind in ({kinds}) and {own})" for kinds in ("'r', 'p', 'm'", "'i', 'I'"))
    (relations, tables, indexes), = database.sql(f"select count(*), {kinds} from pg_class")
    return f"{int(relations):,} relations in pg_class; outside the catalogs {int(tables):,} tables and {int(indexes):,} indexes"


def judgement(database):
    rows, details = [], []
    for name, result in evaluate_rules(database):
        if result is None:
            rows.append([name, "not available", *[""] * 5])
            continue
        numbers = [len(result[key]) for key in ("suggested", "right", "doubtful", "harmful")] + [result["refused"]]
        rows.append([name, *map(str, numbers), str(result["of"] - len(result["right"]))])
        if result["harmful"]:
            details.append(f"* {name}: " + ", ".join(f"`{index}`" for index in result["harmful"]))
    head = ["rule", "suggests", "right", "in doubt", "harmful", "server refuses", "misses"]
    return page.table(head, rows) + "\n\nHarmful are:\n\n" + "\n".join(details)


def machine(database, rounds):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    load = os.getloadavg()[1]
    (version,), = database.sql("show server_version")
    tools = page.table(["tool", "version", "from"], [
        [tool.name, tool.version() or "not available", tool.made_by] for tool in TOOLS])
    return (f"{os.cpu_count()} cores ({model}), load {load:.1f} over the last five minutes; PostgreSQL {version}; "
            f"medians of {rounds} interleaved runs, minimum and maximum in brackets.\n\n{tools}")


def conninfo(text):
    words = dict(word.split("=", 1) for word in text.split())
    return Database(words["host"], int(words["port"]), words["dbname"], words["user"])


def main():
    arguments = argparse.ArgumentParser(description="Compare pgtend with other tools")
    arguments.add_argument("--scale", help="host= port= dbname= user= of a large database; it is only read")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--write", action="store_true", help="update docs/benchmarks.md, too")
    chosen = arguments.parse_args()
    if not PGTEND:
        raise SystemExit("pgtend not found: run cargo build --release, or set PGTEND")
    # SIGTERM stops the private server, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cluster = Cluster()
    large = conninfo(chosen.scale) if chosen.scale else None
    try:
        small = cluster.create("shop", f"{CORPUS}/indexes.sql")
        publish("judgement", judgement(small), chosen.write)
        publish("machine", machine(large or small, chosen.rounds), chosen.write)
        publish("small", describe(small) + ".\n\n" + measured(small, "shop", chosen.rounds), chosen.write)
        if large:
            publish("large", describe(large) + ".\n\n" + measured(large, "tenant_0", chosen.rounds), chosen.write)
    finally:
        cluster.stop()
        shutil.rmtree(TEMPORARY, ignore_errors=True)


def publish(part, text, write):
    print(f"\n## {part}\n\n{text}", flush=True)
    if write:
        page.put(part, text)


main()

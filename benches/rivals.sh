#!/bin/bash
# Compares pgtend with other tools, for docs/benchmarks.md. It only reads the databases; the small one is in a private
# cluster.
#
#   benches/rivals.sh [--scale 'host= port= dbname= user='] [--rounds 5] [--write]
#
# PGTEND names another binary. Needs Python, psql and the programs of a Postgres server. Missing tools are fetched if
# that needs no privileges (pg-extras, into target/rivals); the others are installed with:
#
#   apt-get install check-postgres check-pgactivity pgcluu          and pgmetrics from its releases, on PATH
#
# `cargo bench --bench scale` saves a large database in target/bench; --scale accepts any other.
set -euo pipefail
cd "$(dirname "$0")/.."

pg_extras=0.7.2
if ! command -v pgextras >/dev/null && [ ! -x target/rivals/bin/pgextras ]; then
    cargo install -q "pg-extras@$pg_extras" --locked --root target/rivals || echo 'pg-extras: not available' >&2
fi
[ -n "${PGTEND:-}" ] || cargo build --release --locked
exec python3 -B benches/rivals "$@"

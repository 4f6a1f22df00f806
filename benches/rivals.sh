#!/bin/bash
# Measures pgtend beside other tools, for docs/benchmarks.md. Reads only; the small database is a private cluster's.
#
#   benches/rivals.sh [--scale 'host= port= dbname= user='] [--rounds 5] [--write]
#
# PGTEND names another binary. Wants Python, psql and a Postgres server's programs. Rivals that are not here are fetched where
# that takes no rights (pg-extras, into target/rivals); for the others:
#
#   apt-get install check-postgres check-pgactivity pgcluu          and pgmetrics, from its own releases, on the PATH
#
# `cargo bench --bench scale` leaves the large database behind in target/bench; any other will do.
set -euo pipefail
cd "$(dirname "$0")/.."

pg_extras=0.7.2
if ! command -v pgextras >/dev/null && [ ! -x target/rivals/bin/pgextras ]; then
    cargo install -q "pg-extras@$pg_extras" --locked --root target/rivals || echo 'pg-extras: could not be had' >&2
fi
[ -n "${PGTEND:-}" ] || cargo build --release --locked
exec python3 -B benches/rivals "$@"

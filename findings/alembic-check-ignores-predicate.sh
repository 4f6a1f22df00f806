#!/usr/bin/env bash
# "alembic check" finds nothing although the unique index of the database is partial and another is BRIN, not B-tree.
#
# Versions: alembic 1.20.1, SQLAlchemy 2.1.9, psycopg2-binary 2.9.13 (PyPI), PostgreSQL 15.
# Expected: SQLAlchemy reflects WHERE, USING, INCLUDE and operator classes, and alembic writes them into downgrade(), so the
#   comparison of model and database detects them.
# Observed: the comparison includes only columns or expressions with their order, uniqueness and NULLS NOT DISTINCT. A model with
#   UNIQUE (email) passes for a database with UNIQUE (email) WHERE active, which accepts duplicates that the application
#   does not expect. The same applies to BRIN, hash, text_pattern_ops and INCLUDE under the same name.
# Why it matters: an index re-created by hand (a rebuild, a clean-up with a partial index) is never detected by CI, while new
#   environments get another index than production.
# Source: compare_indexes in alembic/ddl/postgresql.py; the autogenerate page does not list it under "not detected".
set -u -o pipefail; umask 022
unset PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS PGSERVICE PGDATA
cannot() { echo "cannot run here: $*"; exit 77; }
T=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX") || exit 77
WHO=()                                        # a server refuses to run as root
if [ "$(id -u)" = 0 ]; then
  WHO=(setpriv --reuid=postgres --regid=postgres --clear-groups env "HOME=$T"); chown postgres "$T" || cannot "no user postgres"
fi
cleanup() {
  local f p
  for p in $(jobs -p); do kill "$p" 2>/dev/null; done
  for f in "$T"/data-*/postmaster.pid; do
    [ -e "$f" ] || continue
    p=$(head -1 "$f"); kill -QUIT "$p" 2>/dev/null
    for _ in $(seq 50); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
  done
  rm -rf "$T"
}
trap cleanup EXIT; trap 'exit 130' INT TERM
declare -A PORT BIN
free_port() { local p; while p=$((RANDOM % 20000 + 20000)); (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; do :; done; echo "$p"; }
init() { # name bin [initdb options]
  PORT[$1]=$(free_port); BIN[$1]=$2
  "${WHO[@]}" "$2/initdb" -D "$T/data-$1" -U postgres -A trust -E UTF8 --locale=C --no-sync "${@:3}" >"$T/$1.init" 2>&1 || cannot "initdb: $(tail -1 "$T/$1.init")"
  conf "$1" "port=${PORT[$1]}" "listen_addresses='127.0.0.1'" "unix_socket_directories='$T'" "fsync=off" "shared_buffers=32MB"
}
conf() { local n=$1; shift; printf '%s\n' "$@" >>"$T/data-$n/postgresql.conf"; }
start() { "${WHO[@]}" "${BIN[$1]}/pg_ctl" -D "$T/data-$1" -w -l "$T/$1.log" start >/dev/null || cannot "server $1: $(tail -1 "$T/$1.log")"; }
stop() { "${WHO[@]}" "${BIN[$1]}/pg_ctl" -D "$T/data-$1" -w -m fast stop >/dev/null; }
sql() { psql -XqAt -h "$T" -p "${PORT[$1]}" -U postgres -d postgres "${@:2}"; }

for c in psql python3; do command -v "$c" >/dev/null || cannot "$c is missing"; done
[ -x /usr/lib/postgresql/15/bin/initdb ] || cannot "PostgreSQL 15 is missing"
python3 -m venv "$T/py" >/dev/null 2>&1 && "$T/py/bin/pip" -q install alembic==1.20.1 sqlalchemy==2.1.9 psycopg2-binary==2.9.13 2>/dev/null || cannot "PyPI packages"
init one /usr/lib/postgresql/15/bin; start one
sql one <<'SQL'
create table account(id int primary key, email text, active boolean, created timestamptz, city text);
create unique index account_email on account(email) where active;
create index account_created on account using brin (created);
create index account_city on account(city text_pattern_ops) include (email);
insert into account values (1, 'a@example.org', false), (2, 'a@example.org', false);
SQL
cat >"$T/check.py" <<'PY'
import sys, alembic, sqlalchemy as sa
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.migration import MigrationContext
m = sa.MetaData()
t = sa.Table("account", m, sa.Column("id", sa.Integer, primary_key=True), sa.Column("email", sa.Text), sa.Column("active", sa.Boolean),
             sa.Column("created", sa.DateTime(timezone=True)), sa.Column("city", sa.Text))
sa.Index("account_email", t.c.email, unique=sys.argv[2] == "unique")
sa.Index("account_created", t.c.created)
sa.Index("account_city", t.c.city)
with sa.create_engine(f"postgresql+psycopg2://postgres@127.0.0.1:{sys.argv[1]}/postgres").connect() as c:
    ctx = MigrationContext.configure(c)
    if sys.argv[2] == "unique":
        print("alembic", alembic.__version__, "SQLAlchemy", sa.__version__)
        for line in render_python_code(produce_migrations(ctx, sa.MetaData()).downgrade_ops).splitlines():
            if "create_index" in line: print("  reflected:", line.strip())
    print("differences", len(compare_metadata(ctx, m)))
PY
"$T/py/bin/python" "$T/check.py" "${PORT[one]}" unique >"$T/a" || cannot "check.py"
grep -v differences "$T/a"; plain=$(awk '/differences/{print $2}' "$T/a")
control=$("$T/py/bin/python" "$T/check.py" "${PORT[one]}" not-unique | awk '/differences/{print $2}')
echo "  model: UNIQUE (email), btree (created), btree (city): differences found $plain"
echo "  rows with the same e-mail address in the database: $(sql one -c 'select count(*) from account group by email')"
echo "  control, model without UNIQUE: differences found $control"
echo "expected: a difference for each of the three indexes"
[ "$plain" = 0 ] && [ "$control" -gt 0 ] && grep -q "postgresql_where" "$T/a" && grep -q "'brin'" "$T/a" && echo "observed, as stated: none" || { echo "CHANGED"; exit 1; }

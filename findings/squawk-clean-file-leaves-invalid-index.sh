#!/usr/bin/env bash
# A migration without any squawk warning leaves an INVALID unique index that its second run accepts as success.
#
# Versions: squawk-cli 2.70.0 (PyPI), dbmate 2.36.0 (npm), PostgreSQL 15.
# Expected: CREATE UNIQUE INDEX CONCURRENTLY with everything that squawk requires (SET lock_timeout, SET statement_timeout,
#   IF NOT EXISTS) is safe to run again after a failure.
# Observed: lock_timeout also limits the waits for old transactions inside CREATE INDEX CONCURRENTLY. One long transaction
#   makes it fail and leaves the index invalid. Because of IF NOT EXISTS the second run prints "already exists, skipping"
#   and exits 0; the index never becomes valid and no query uses it.
#   The same file cannot run in dbmate at all (transaction:false): SET and CREATE INDEX CONCURRENTLY sent as one string
#   are an implicit transaction block.
# Why it matters: two lint rules, each reasonable, result in a silent loss. Set the timeouts on the role or in the
#   connection, put DROP INDEX CONCURRENTLY IF EXISTS first, and check pg_index.indisvalid after the migration.
# Source: squawk rules require-lock-timeout, require-statement-timeout, prefer-robust-stmts; manual, CREATE INDEX.
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

for c in psql npm node python3; do command -v "$c" >/dev/null || cannot "$c is missing"; done
[ -x /usr/lib/postgresql/15/bin/initdb ] || cannot "PostgreSQL 15 is missing"
python3 -m venv "$T/py" >/dev/null 2>&1 && "$T/py/bin/pip" -q install squawk-cli==2.70.0 2>/dev/null || cannot "PyPI package squawk-cli 2.70.0"
mkdir -p "$T/js/db" && cd "$T/js" && npm init -y >/dev/null && npm install --silent --no-audit --no-fund dbmate@2.36.0 >/dev/null || cannot "npm package dbmate 2.36.0"
init one /usr/lib/postgresql/15/bin; start one
sql one -c "create table t(a int)" -c "insert into t select generate_series(1, 1000)" -c "create table other(i int)"
cat >plain.sql <<'SQL'
create unique index concurrently t_a on t (a);
SQL
cat >clean.sql <<'SQL'
set lock_timeout = '1s';
set statement_timeout = '60s';
create unique index concurrently if not exists t_a on t (a);
SQL
rules() { "$T/py/bin/squawk" --reporter=gcc "$1" | grep -oE '(warning|error): [a-z-]+' | cut -d' ' -f2 | sort -u | tr '\n' ' '; }
echo "$("$T/py/bin/squawk" --version), $(/usr/lib/postgresql/15/bin/postgres --version)"
plain=$(rules plain.sql); clean=$(rules clean.sql)
echo "  one statement alone: squawk warns about $plain"; echo "  with its advice: ${clean:-no warning}"
run() { sql one -v ON_ERROR_STOP=1 -f clean.sql >"$T/out" 2>&1; echo $?; }
valid() { sql one -c "select coalesce((select indisvalid::text from pg_index where indexrelid = to_regclass('t_a')), 'no index')"; }
psql -XqAt -h "$T" -p "${PORT[one]}" -U postgres -d postgres -c "begin; set transaction isolation level repeatable read; select 1 from t limit 1; select pg_sleep(12); commit" >/dev/null & reader=$!
for _ in $(seq 100); do [ "$(sql one -c "select count(*) from pg_stat_activity where wait_event = 'PgSleep'")" = 1 ] && break; sleep 0.1; done
first=$(run); message=$(grep -oE '(ERROR|NOTICE).*' "$T/out" | head -1); v1=$(valid)
echo "  run 1, with an open transaction: exit $first, index valid: $v1, $message"
wait $reader
second=$(run); message=$(grep -oE '(ERROR|NOTICE).*' "$T/out" | head -1); v2=$(valid)
echo "  run 2, alone: exit $second, index valid: $v2, $message"
{ echo "-- migrate:up transaction:false"; cat clean.sql; echo; echo "-- migrate:down transaction:false"; echo "select 1;"; } >db/1_index.sql
npx --no-install dbmate --url "postgres://postgres@127.0.0.1:${PORT[one]}/postgres?sslmode=disable" -d db --no-dump-schema up >"$T/mate" 2>&1; mate=$?
echo "  dbmate: exit $mate, $(grep -oE 'CREATE INDEX CONCURRENTLY cannot.*' "$T/mate" | head -1)"
echo "expected: index valid after run 2; dbmate exit 0"
[ -n "$plain" ] && [ -z "$clean" ] && [ "$first $v1 $second $v2" = "3 false 0 false" ] && [ $mate != 0 ] && grep -q "inside a transaction block" "$T/mate" &&
  echo "observed, as stated" || { echo "CHANGED"; exit 1; }

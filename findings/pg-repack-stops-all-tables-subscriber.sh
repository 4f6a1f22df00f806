#!/usr/bin/env bash
# pg_repack on a publisher with FOR ALL TABLES stops its subscribers: they receive rows of "repack.table_N".
#
# Versions: pg_repack 1.4.8 (Debian postgresql-15-repack 1.4.8-1+deb12u1), PostgreSQL 15 on both sides.
# Expected: like VACUUM FULL, CLUSTER and a table rewrite, whose transient heaps logical decoding filters out, pg_repack
#   changes no row, so a subscriber receives nothing.
# Observed: the publication includes the work table repack.table_N; each row of the repacked table is sent as an INSERT.
#   The apply worker fails with "logical replication target relation ... does not exist" and retries forever,
#   long after pg_repack has finished and dropped the table. The slot retains WAL until the transaction is skipped.
# Why it matters: a bloat job on the publisher ends in a full disk. Repair: ALTER SUBSCRIPTION ... SKIP (lsn) with the
#   "finished at" LSN of the error. Avoid it with a table list or FOR TABLES IN SCHEMA.
# Source: pg_repack.c (create_table, copy_data run as ordinary DML); reorderbuffer.c filters heaps with relrewrite set only.
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
# A private copy of the installed PostgreSQL 15 with Debian packages unpacked over it; prints its bin directory.
debian_server() {
  [ -x /usr/lib/postgresql/15/bin/initdb ] || return 1
  mkdir -p "$T/tree/usr/lib/postgresql" "$T/tree/usr/share/postgresql" "$T/deb"
  cp -r /usr/lib/postgresql/15 "$T/tree/usr/lib/postgresql/"; cp -r /usr/share/postgresql/15 "$T/tree/usr/share/postgresql/"
  ( cd "$T/deb" && { apt-get -qq download "$@" || { apt-get -qq update && apt-get -qq download "$@"; }; } &&
    for f in ./*.deb; do dpkg -x "$f" "$T/tree"; done ) >"$T/apt.log" 2>&1 || return 1
  echo "$T/tree/usr/lib/postgresql/15/bin"
}
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

for c in psql apt-get dpkg; do command -v "$c" >/dev/null || cannot "$c is missing"; done
b=$(debian_server postgresql-15-repack=1.4.8-1+deb12u1) || cannot "package postgresql-15-repack 1.4.8-1+deb12u1"
init pub "$b"; conf pub wal_level=logical; start pub
init sub "$b"; conf sub wal_retrieve_retry_interval=500ms; start sub
sql pub -c "create extension pg_repack" -c "create table t(id int primary key, v text)" \
  -c "insert into t select g, repeat('x', 100) from generate_series(1, 20000) g" -c "create publication p for all tables"
sql sub -c "create table t(id int primary key, v text)" \
  -c "create subscription s connection 'host=127.0.0.1 port=${PORT[pub]} user=postgres dbname=postgres' publication p" 2>/dev/null
rows() { sql sub -c "select count(*) from t"; }
reaches() { for _ in $(seq "$2"); do [ "$(rows)" = "$1" ] && return 0; sleep 0.5; done; return 1; }
errors() { sql sub -c "select apply_error_count from pg_stat_subscription_stats"; }
behind() { sql pub -c "select pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) from pg_replication_slots where slot_name = 's'"; }
reaches 20000 60 || cannot "the initial copy did not finish"

echo "$("$b/pg_repack" --version), $("$b/postgres" --version)"
sql pub -c "vacuum full t"; sql pub -c "insert into t values (20001, 'after VACUUM FULL')"
reaches 20001 40; one=$(rows); echo "  after VACUUM FULL on the publisher: subscriber has $one of 20001 rows, apply errors $(errors)"
"${WHO[@]}" "$b/pg_repack" -h "$T" -p "${PORT[pub]}" -U postgres -d postgres -t t --no-order >"$T/repack.log" 2>&1 || cannot "$(tail -1 "$T/repack.log")"
sql pub -c "insert into t values (20002, 'after pg_repack')"
reaches 20002 24; two=$(rows); e=$(errors)
echo "  after pg_repack on the publisher:   subscriber has $two of 20002 rows, apply errors $e, slot is $(behind) bytes behind"
message=$(grep -o 'logical replication target relation "repack.*' "$T/sub.log" | tail -1); echo "  subscriber log: $message"
echo "  tables left in schema repack of the publisher: $(sql pub -c "select count(*) from pg_tables where schemaname = 'repack'")"
lsn=$(grep -oE 'finished at [0-9A-F/]+' "$T/sub.log" | tail -1 | cut -d' ' -f3)
sql sub -c "alter subscription s skip (lsn = '${lsn:-0/0}')"; reaches 20002 40; three=$(rows)
echo "  after ALTER SUBSCRIPTION s SKIP (lsn = '$lsn'): subscriber has $three of 20002 rows"
echo "expected: 20001, then 20002 rows without an error"
[ "$one $two $three" = "20001 20001 20002" ] && [ "$e" -gt 0 ] && [ -n "$message" ] &&
  echo "observed, as stated: pg_repack stops the subscriber" || { echo "CHANGED"; exit 1; }

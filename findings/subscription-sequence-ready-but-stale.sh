#!/usr/bin/env bash
# A sequence that a subscription of 19 shows as ready stays at its old value; after a switchover inserts collide.
#
# Versions: PostgreSQL 19rc1 (Debian experimental 19~rc1-1).
# Expected: with FOR ALL TABLES, ALL SEQUENCES both are replicated: the release notes announce "logical replication of
#   sequence values", and pg_subscription_rel has state r (ready) for the table and for the sequence.
# Observed: 1000 rows reach the subscriber at once; the sequence keeps the value of the initial copy. State, LSN and
#   pg_stat_subscription_stats do not change, so nothing shows the difference. ALTER SUBSCRIPTION ... REFRESH PUBLICATION, known
#   from tables, does not copy the value either. Only REFRESH SEQUENCES does.
# Why it matters: for a move by logical replication the last step before the switchover is REFRESH SEQUENCES, after the last
#   write; without it the first insert on the new server fails with a duplicate key. A check of "all relations are
#   ready" passes. Compare last_value on both sides.
# Source: ALTER SUBSCRIPTION (REFRESH SEQUENCES); "Replicating Sequences"; sequencesync.c.
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
for n in pub sub; do init $n "$b"; conf $n wal_level=logical; start $n; sql $n -c "create table t(id bigserial primary key, v text)"; done
sql pub -c "insert into t(v) values ('first')" -c "create publication p for all tables, all sequences"
sql sub -c "create subscription s connection 'host=127.0.0.1 port=${PORT[pub]} user=postgres dbname=postgres' publication p" 2>/dev/null
ready() { sql sub -c "select string_agg(format('%s %s', srrelid::regclass, srsubstate), ', ' order by srrelid::regclass::text) from pg_subscription_rel"; }
for _ in $(seq 100); do [ "$(ready)" = "t r, t_id_seq r" ] && break; sleep 0.2; done
sql pub -c "insert into t(v) select 'x' from generate_series(1, 1000)"
for _ in $(seq 100); do [ "$(sql sub -c 'select count(*) from t')" = 1001 ] && break; sleep 0.2; done
sleep 3
value() { sql "$1" -c "select last_value from t_id_seq"; }
errors() { sql sub -c "select sync_seq_error_count from pg_stat_subscription_stats"; }
insert() { sql sub -c "insert into t(v) values ('y')" 2>"$T/insert.err" && echo accepted || grep -o 'duplicate key' "$T/insert.err"; }
a="$(ready); rows $(sql sub -c 'select count(*) from t'); last_value $(value pub) -> $(value sub); errors $(errors)"
i=$(insert)
sql sub -c "alter subscription s refresh publication"; sleep 3; p=$(value sub)
sql sub -c "alter subscription s refresh sequences"
for _ in $(seq 50); do [ "$(value sub)" -ge 1001 ] && break; sleep 0.2; done
s=$(value sub); z=$(insert)
echo "  after 1000 inserts:        $a; insert on the subscriber: $i"
echo "  after REFRESH PUBLICATION: last_value $p"
echo "  after REFRESH SEQUENCES:   last_value $s; insert on the subscriber: $z"
echo "expected: last_value 1001 -> 1001 (or a little more), or a state other than ready"
[ "$a/$i/$p/$s/$z" = "t r, t_id_seq r; rows 1001; last_value 1001 -> 1; errors 0/duplicate key/2/1001/accepted" ] &&
  echo "observed, as stated: ready, and 1000 behind" || { echo "CHANGED: $a/$i/$p/$s/$z"; exit 1; }

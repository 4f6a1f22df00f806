#!/usr/bin/env bash
# check_postgres --action=bloat reports 0 bytes for a bloated index as soon as the table's rows are wide.
#
# Versions: check_postgres 2.25.0 (Debian check-postgres 2.25.0-5), PostgreSQL 15, pgstattuple.
# Expected: an index of which REINDEX frees more than half is reported; pgstatindex shows a leaf density of about 42 %.
# Observed: the estimate uses the width of the whole table row for each index entry. An index on a bigint in a table with
#   rows of 300 bytes "should be" about eight times its real need, so the wasted bytes are clamped to 0 regardless of
#   its bloat. The same index on a table of that column alone is reported.
# Why it matters: index bloat is invisible where it costs most, on wide tables with narrow keys. Use pgstatindex, or an
#   estimate that reads the widths of the index's own columns.
# Source: the bloat query of check_postgres.pl (iotta from datahdr; its comment: "very rough approximation").
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
b=$(debian_server check-postgres=2.25.0-5) || cannot "package check-postgres 2.25.0-5"
init one "$b"; conf one autovacuum=off max_wal_size=2GB; start one
sql one <<'SQL'
create extension pgstattuple;
create table wide(id bigint, a text, b text, c text);
create table narrow(id bigint);
create index wide_id on wide(id);
create index narrow_id on narrow(id);
insert into wide select g, repeat('a', 100), repeat('b', 100), repeat('c', 100) from generate_series(1, 300000) g;
insert into narrow select g from generate_series(1, 300000) g;
delete from wide where id % 10 <> 0; vacuum wide;
delete from narrow where id % 10 <> 0; vacuum narrow;
insert into wide select g, repeat('a', 100), repeat('b', 100), repeat('c', 100) from generate_series(300001, 500000) g; vacuum analyze wide;
insert into narrow select g from generate_series(300001, 500000) g; vacuum analyze narrow;
SQL
echo "$(perl "$T/tree/usr/bin/check_postgres" --version), $("$b/postgres" --version)"
perl "$T/tree/usr/bin/check_postgres" --action=bloat --warning='1 kB' --critical='100 GB' --host="$T" --port="${PORT[one]}" --dbuser=postgres --dbname=postgres >"$T/out"
[ -s "$T/out" ] || cannot "check_postgres printed nothing"
reported() { grep -oE "(^|[ .])$1=[0-9]+B" "$T/out" | grep -oE '[0-9]+' | head -1; }
for i in wide_id narrow_id; do
  s=$(sql one -c "select pg_relation_size('$i')"); d=$(sql one -c "select avg_leaf_density from pgstatindex('$i')")
  sql one -c "reindex index $i"; f=$((s - $(sql one -c "select pg_relation_size('$i')")))
  r=$(reported $i); echo "  $i: $s bytes, leaf density $d %, check_postgres reports ${r:-no line} wasted bytes, REINDEX frees $f"
  case $i in wide_id) wide="${r:-0}"; freed=$((f * 2 > s));; narrow_id) narrow="${r:-0}";; esac
done
echo "expected: about the same number of wasted bytes for both"
[ "$wide" = 0 ] && [ "$freed" = 1 ] && [ "$narrow" -gt 1000000 ] && echo "observed, as stated: nothing for the index of the wide table" || { echo "CHANGED: $wide $narrow"; exit 1; }

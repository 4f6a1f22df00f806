#!/usr/bin/env bash
# check_pgactivity oldest_xmin turns CRITICAL because of a running VACUUM, which holds back no other VACUUM.
#
# Versions: check_pgactivity 2.11 (Debian sid 2.11-1); PostgreSQL 15.20 (Debian) and 19rc1 (Debian experimental 19~rc1-1).
# Expected: the service reports the xmin horizon "and what is holding it": sessions, slots and prepared transactions
#   because of which VACUUM cannot remove dead rows.
# Observed: a long VACUUM has an old backend_xmin in pg_stat_activity, and the service is CRITICAL for it (kind "query"). The
#   server ignores the xmin of VACUUM when it computes horizons: VACUUM of another table meanwhile removes all rows
#   ("0 are dead but not yet removable") with a cutoff newer than that xmin.
# Why it matters: the alert points to the VACUUM that keeps the database clean; ending it makes matters worse. On 19 parallel
#   autovacuum adds such backends. Leave out backends in pg_stat_progress_vacuum and autovacuum workers.
# Source: PROC_IN_VACUUM in procarray.c (ComputeXidHorizons); check_oldest_xmin in check_pgactivity.
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
# Packages of Debian sid, from this machine's Debian mirror; unpacks them into $T/tree.
debian_sid() {
  local a=$T/apt k=/usr/share/keyrings/debian-archive-keyring.gpg site
  site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | head -1); [ -e $k ] && [ -n "$site" ] || return 1
  mkdir -p "$a/lists/partial" "$a/archives/partial" "$T/deb" "$T/tree"; : >"$a/status"; chmod 755 "$T"
  echo "deb [signed-by=$k] $site sid main" >"$a/sources.list"
  cat >"$a/apt.conf" <<CONF
APT::Sandbox::User "root";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Dir::State "$a"; Dir::State::lists "lists"; Dir::State::status "$a/status";
Dir::Cache "$a"; Dir::Cache::archives "archives"; Dir::Etc::sourcelist "$a/sources.list"; Dir::Etc::sourceparts "-";
CONF
  ( cd "$T/deb" && export APT_CONFIG=$a/apt.conf && apt-get -qq update && apt-get -qq download "$@" && for f in ./*.deb; do dpkg -x "$f" "$T/tree"; done ) >"$T/apt.log" 2>&1
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

for c in psql apt-get dpkg perl; do command -v "$c" >/dev/null || cannot "$c is missing"; done
[ -x /usr/lib/postgresql/15/bin/initdb ] || cannot "PostgreSQL 15 is missing"
b19=$(server_19) || cannot "PostgreSQL 19rc1: $(tail -1 "$T/19.log")"
debian_sid check-pgactivity=2.11-1 || cannot "package check-pgactivity 2.11-1: $(tail -1 "$T/apt.log")"
tool=$T/tree/usr/lib/nagios/plugins/check_pgactivity
echo "$(perl "$tool" --version | grep -o 'check_pgactivity version [0-9.]*')"
seen=""
for v in 15 19; do
  [ $v = 15 ] && b=/usr/lib/postgresql/15/bin || b=$b19
  n=s$v; init "$n" "$b"; conf "$n" autovacuum=off; start "$n"
  sql "$n" -c "create table big as select g, repeat('x', 300) v from generate_series(1, 100000) g" -c "delete from big where g % 3 = 0" -c "create table small as select generate_series(1, 10) i"
  check() { perl "$tool" -h "$T" -p "${PORT[$n]}" -U postgres -d postgres -s oldest_xmin -w 300 -c 500 --detailed --status-file "$T/$n.data" 2>"$T/tool.err"; }
  ages() { grep -oE 'postgres_[a-z_]*_age=[0-9]+' | tr '\n' ' '; }
  a=$(check); ra=$?
  sql "$n" -c "set vacuum_cost_delay = '50ms'" -c "set vacuum_cost_limit = 10" -c "vacuum big" 2>/dev/null &
  for _ in $(seq 100); do [ "$(sql "$n" -c "select count(*) from pg_stat_progress_vacuum")" = 1 ] && break; sleep 0.1; done
  for _ in $(seq 600); do echo "select txid_current();"; done | sql "$n" >/dev/null
  sql "$n" -c "delete from small"
  z=$(check); rz=$?
  other=$(psql -XqAt -h "$T" -p "${PORT[$n]}" -U postgres -d postgres -c "vacuum verbose small" 2>&1)
  running=$(sql "$n" -c "select format('%s, age of backend_xmin > 500: %s', a.query, age(a.backend_xmin) > 500) from pg_stat_progress_vacuum p join pg_stat_activity a using (pid)")
  echo "$("$b/postgres" --version)"
  echo "  before:   exit $ra, $(echo "$a" | head -1 | sed 's/ |.*//')"
  echo "  running:  $running"
  echo "  then:     exit $rz, $(echo "$z" | head -1 | sed 's/ |.*//'); $(echo "$z" | ages)"
  echo "  VACUUM of another table: $(echo "$other" | grep -oE '^tuples.*'); $(echo "$other" | grep -oE 'which was [0-9]+ XIDs old')"
  seen="$seen$v:$ra/$running/$rz/$(echo "$z" | grep -cE 'CRITICAL.*postgres_query_age')/$(echo "$other" | grep -c 'tuples: 10 removed, 0 remain, 0 are dead but not yet removable');"
  sql "$n" -c "select pg_terminate_backend(pid) from pg_stat_progress_vacuum" >/dev/null; wait; stop "$n"
done
echo "expected: exit 0 while nothing is held back"
ok="0/vacuum big, age of backend_xmin > 500: t/2/1/1;"
[ "$seen" = "15:${ok}19:$ok" ] && echo "observed, as stated: CRITICAL for a VACUUM that holds nothing" || { echo "CHANGED: $seen"; exit 1; }

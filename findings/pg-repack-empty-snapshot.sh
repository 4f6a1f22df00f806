#!/usr/bin/env bash
# A transaction whose snapshot is taken while pg_repack copies a table sees that table empty afterwards.
#
# Versions: pg_repack 1.4.8 (Debian postgresql-15-repack 1.4.8-1+deb12u1), PostgreSQL 15.
# Expected: pg_repack replaces VACUUM FULL "online"; a REPEATABLE READ transaction sees its 200000 rows before and
#   after, as it does with VACUUM FULL and CLUSTER, which keep the xmin of each row.
# Observed: pg_repack inserts the rows again in a transaction of its own. A snapshot taken during the copy does not see
#   that transaction, and the swap does not wait for it (only for transactions older than the triggers). The first
#   access after the swap returns 0 rows, without an error. pg_dump --snapshot exits 0 with an empty table.
# Why it matters: parallel dumps, initial snapshots of CDC tools and reports that read table by table under one exported
#   snapshot lose whole tables silently. Do not schedule pg_repack at the same time.
# Source: the manual's "Caveats" (MVCC) name TRUNCATE and rewriting ALTER TABLE only; repack_one_table in pg_repack.c.
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

for c in psql apt-get dpkg pg_dump; do command -v "$c" >/dev/null || cannot "$c is missing"; done
b=$(debian_server postgresql-15-repack=1.4.8-1+deb12u1) || cannot "package postgresql-15-repack 1.4.8-1+deb12u1"
init one "$b"; conf one max_wal_size=2GB; start one
sql one -c "create extension pg_repack" -c "create table big(id int primary key, v text)" \
  -c "insert into big select g, repeat(md5(g::text), 10) from generate_series(1, 200000) g" -c "analyze big"
echo "$("$b/pg_repack" --version), $("$b/postgres" --version)"

reader() { # session that exports a snapshot while "$1" is seen active, then reads after $2 appears
  for _ in $(seq 300); do
    [ "$(sql one -c "select count(*) from pg_stat_activity where pid <> pg_backend_pid() and state = 'active' and query ilike '$1%'")" -gt 0 ] && break; sleep 0.1
  done
  psql -XqAt -h "$T" -p "${PORT[one]}" -U postgres -d postgres <<SQL
begin isolation level repeatable read;
\o $T/snapshot
select pg_export_snapshot();
\o
\! for i in \$(seq 900); do [ -e $T/done ] && break; sleep 0.1; done
\! $b/pg_dump -h $T -p ${PORT[one]} -U postgres -d postgres -t big --data-only --snapshot=\$(cat $T/snapshot) >$T/dump.sql; echo \$? >$T/dump.rc
\o $T/rows
select count(*) from big;
SQL
}
try() { # name, pattern of the running statement, command...
  rm -f "$T/done" "$T/rows" "$T/dump.sql"; reader "$2" & local r=$!
  sleep 0.5; "${@:3}" >"$T/tool.log" 2>&1 || cannot "$1: $(tail -1 "$T/tool.log")"
  touch "$T/done"; wait "$r"
  printf '  %-11s snapshot sees %6s rows; pg_dump --snapshot: exit %s, %6s rows; now %s rows\n' "$1" "$(cat "$T/rows")" "$(cat "$T/dump.rc")" \
    "$(grep -cE '^[0-9]+	' "$T/dump.sql")" "$(sql one -c 'select count(*) from big')"
}
try "VACUUM FULL" "vacuum full" psql -X -h "$T" -p "${PORT[one]}" -U postgres -d postgres -c "vacuum full big"
control="$(cat "$T/rows") $(cat "$T/dump.rc") $(grep -cE '^[0-9]+	' "$T/dump.sql")"
try "pg_repack" "INSERT INTO repack.table" "${WHO[@]}" "$b/pg_repack" -h "$T" -p "${PORT[one]}" -U postgres -d postgres -t big --no-order
seen="$(cat "$T/rows") $(cat "$T/dump.rc") $(grep -cE '^[0-9]+	' "$T/dump.sql")"
echo "expected: 200000 rows in each column"
[ "$control/$seen" = "200000 0 200000/0 0 0" ] && echo "observed, as stated: after pg_repack the snapshot and the dump have 0 rows, exit 0" || { echo "CHANGED: $control / $seen"; exit 1; }

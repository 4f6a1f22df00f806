#!/usr/bin/env bash
# npm pg-logical-replication with acknowledge.auto = false confirms changes that the application never acknowledged.
#
# Versions: pg-logical-replication 2.5.0, pg 8.23.1, PostgreSQL 15.
# Expected: the README states for auto = false that the periodic status (timeoutSeconds, default 10) "does not advance the
#   WAL flush position"; a consumer that stops before acknowledge() receives the changes again.
# Observed: the timer calls acknowledge() with the last RECEIVED position. 10 s after the last acknowledgement the slot's
#   confirmed_flush_lsn passes all received changes, acknowledged or not. After a restart they are not sent again.
# Why it matters: lost rows, and a slot that appears healthy (no lag) while its consumer hangs. With auto = false set
#   timeoutSeconds to 0 and answer keepalives with the position that was processed.
# Source: checkStandbyStatus in logical-replication-service.ts of the package; its README, "Manual acknowledge example".
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
mkdir "$T/js"; cd "$T/js" || exit 77
npm init -y >/dev/null && npm install --silent --no-audit --no-fund pg-logical-replication@2.5.0 pg@8.23.1 >/dev/null || cannot "npm packages"
init one /usr/lib/postgresql/15/bin; conf one wal_level=logical; start one
cat >consumer.js <<'JS'
// A consumer whose work takes longer than its life: it receives and never acknowledges.
const { LogicalReplicationService, PgoutputPlugin } = require('pg-logical-replication');
const [port, slot, seconds, options] = process.argv.slice(2);
const s = new LogicalReplicationService({ host: '127.0.0.1', port: +port, user: 'postgres', database: 'postgres' },
  { acknowledge: { auto: false, ...JSON.parse(options) } });
const rows = [];
s.on('data', (lsn, m) => { if (m.tag === 'insert') rows.push(m.new.i); });
s.on('error', e => { console.log('error ' + e.message); process.exit(2); });
s.subscribe(new PgoutputPlugin({ protoVersion: 1, publicationNames: ['p'] }), slot).catch(() => {});
setTimeout(() => { console.log(rows.join(',') || 'none'); process.exit(0); }, seconds * 1000);
JS
sql one -c "create table t(i int primary key)" -c "create publication p for table t" \
  -c "select pg_create_logical_replication_slot(n, 'pgoutput') from unnest(array['by_default', 'timer_off']) n" \
  -c "insert into t values (1), (2), (3)" >/dev/null
echo "pg-logical-replication $(node -p 'require("pg-logical-replication/package.json").version'), $(/usr/lib/postgresql/15/bin/postgres --version)"
try() { # slot, options
  local a z; a=$(sql one -c "select confirmed_flush_lsn from pg_replication_slots where slot_name = '$1'")
  first=$(node consumer.js "${PORT[one]}" "$1" 14 "$2"); sleep 1
  z=$(sql one -c "select confirmed_flush_lsn from pg_replication_slots where slot_name = '$1'")
  second=$(node consumer.js "${PORT[one]}" "$1" 5 "$2")
  echo "  $1: first run received $first, acknowledged none; confirmed_flush_lsn $a -> $z; second run received $second"
}
try timer_off '{"timeoutSeconds": 0}'; off="$first/$second"
try by_default '{}'; default="$first/$second"
echo "expected: the second run receives 1,2,3 again in both cases"
[ "$off $default" = "1,2,3/1,2,3 1,2,3/none" ] && echo "observed, as stated: with the default timer the rows are gone" || { echo "CHANGED: $off $default"; exit 1; }

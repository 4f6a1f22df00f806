#!/bin/bash
# Runs the files of `indexes migrate` with the migration tools: up and down, twice, and once with a lock on the table;
# the catalogs before and after must be equal. A tool that is not installed is listed as "not run".
#
#   tests/runners/run.sh [TOOL…]        all of them without a name
#   PGTEND=…                            the program [default: target/debug/pgtend]
#   RUNNERS_CACHE=…                     where tools are kept [default: target/runners]
set -euo pipefail
shopt -s inherit_errexit
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/versions.env"
pgtend=${PGTEND:-$root/target/debug/pgtend}
cache=${RUNNERS_CACHE:-$root/target/runners}
mkdir -p "$cache"
work=$(mktemp -d "${TMPDIR:-/tmp}/pgtend-runners.XXXXXX")
chmod 755 "$work"

all=(psql squawk dbmate knex node-pg-migrate django alembic rails diesel liquibase)
declare -A outcome=([squawk]='finds nothing')
export LC_ALL=C.UTF-8 PGTZ=UTC
unset PGHOST PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS PGPASSWORD DATABASE_URL

say() { printf '%s\n' "$*"; }
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    return 1
}

# A private server, run by an account other than root.
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { say 'no Postgres server under /usr/lib/postgresql: nothing was run'; exit 1; }
account=()
if [ "$(id -u)" = 0 ]; then
    account=(runuser -u nobody --)
    chown nobody "$work"
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
locker=
ended() {
    status=$?
    if [ -n "$locker" ]; then kill "$locker" 2>/dev/null || true; fi
    (cd / && "${account[@]}" "$bin/pg_ctl" -D "$work/data" -m immediate -s stop) >/dev/null 2>&1 || true
    rm -rf "$work"
    exit "$status"
}
trap ended EXIT
(
    cd /
    "${account[@]}" "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --no-sync >/dev/null
    "${account[@]}" "$bin/pg_ctl" -D "$work/data" -w -s -l "$work/log" \
        -o "-c port=$port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c autovacuum=off" start
)
export PGHOST=127.0.0.1 PGPORT=$port PGUSER=postgres
sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# The indexes whose migrations are written; each has the verdict drop or review.
names=(users_name 'users; DROP TABLE users; --' users_lower 'ünïcode ☃ idx' events_id "100% it's :name ? \${x} #{y} %(z)s")

fresh_database() {
    sql -d postgres -c "drop database if exists $1 with (force)" -c "create database $1"
    sql -d "$1" -f "$here/schema.sql" >/dev/null
}

fingerprint() { sql -d "$1" -f "$here/fingerprint.sql" | sort; }

# write DATABASE FRAMEWORK FOLDER INDEX…
write() {
    local database=$1 framework=$2 folder=$3
    shift 3
    "$pgtend" indexes migrate -d "$database" --min-observation 0 --min-reclaim 0 -q --yes \
        --framework "$framework" --output "$folder" "$@" >"$work/plan" 2>"$work/plan.err" || {
        cat "$work/plan" "$work/plan.err"
        fail "pgtend wrote nothing for $framework"
    }
}

state() { "$pgtend" indexes verify "$2" -d "$1" --format csv 2>&1 | tr -d '\r'; }

# up_and_down TOOL DATABASE FOLDER: calls up_TOOL and down_TOOL, which know their folders.
up_and_down() {
    local tool=$1 database=$2 folder=$3 round
    fingerprint "$database" >"$work/before"
    for round in first second; do
        "up_$tool" "$database" >"$work/out" 2>&1 || { cat "$work/out"; fail "$tool: up, $round time"; }
        fingerprint "$database" >"$work/up"
        if cmp -s "$work/before" "$work/up"; then fail "$tool: up changed nothing"; fi
        if state "$database" "$folder" | grep -E ',(exists|invalid),'; then fail "$tool: some indexes still exist"; fi
        "down_$tool" "$database" >"$work/out" 2>&1 || { cat "$work/out"; fail "$tool: down, $round time"; }
        fingerprint "$database" >"$work/after"
        diff "$work/before" "$work/after" || fail "$tool: before and after differ, $round time"
    done
}

# with_a_lock TOOL DATABASE FOLDER [RESUME]: migrates the index users_name while another session holds a lock on its
# table.
with_a_lock() {
    local tool=$1 database=$2 folder=$3 resume=${4:-}
    fingerprint "$database" >"$work/before"
    # A transaction that has written to the table holds such a lock until it ends.
    psql -X -q -d "$database" -c 'begin' -c 'lock table shop.users in row exclusive mode' -c 'select pg_sleep(600)' >/dev/null 2>&1 &
    locker=$!
    until [ "$(sql -d "$database" -c "select count(*) from pg_locks where relation = 'shop.users'::regclass and granted")" != 0 ]; do sleep 0.1; done
    sql -d "$database" -c "alter role postgres set lock_timeout = '1s'"
    if "up_$tool" "$database" >"$work/out" 2>&1; then fail "$tool: up did not wait for the lock"; fi
    grep -m 1 -o 'canceling statement due to lock timeout' "$work/out" >/dev/null || { cat "$work/out"; fail "$tool: did not print the reason"; }
    state "$database" "$folder" | grep -q ',invalid,' || { state "$database" "$folder"; fail "$tool: verify does not report the invalid index"; }
    sql -d "$database" -c 'alter role postgres reset lock_timeout' -c "select pg_terminate_backend(pid) from pg_locks where relation = 'shop.users'::regclass" >/dev/null
    wait "$locker" 2>/dev/null || true
    locker=
    if [ -n "$resume" ]; then "$resume" "$database"; fi
    "up_$tool" "$database" >"$work/out" 2>&1 || { cat "$work/out"; fail "$tool: run again after the lock was released"; }
    state "$database" "$folder" | grep -q ',gone,' || fail "$tool: the index still exists after the second run"
    "down_$tool" "$database" >"$work/out" 2>&1 || { cat "$work/out"; fail "$tool: down after the second run"; }
    fingerprint "$database" >"$work/after"
    diff "$work/before" "$work/after" || fail "$tool: before and after differ, with a lock"
}

# Each tool's script defines its requirements, a test for them, and its up and down commands.
prepared_venv=
venv() {
    if [ -z "$prepared_venv" ]; then
        local wanted="Django==$DJANGO psycopg[binary]==$PSYCOPG alembic==$ALEMBIC SQLAlchemy==$SQLALCHEMY squawk-cli==$SQUAWK"
        if [ "$(cat "$cache/venv/wanted" 2>/dev/null)" != "$wanted" ]; then
            rm -rf "$cache/venv"
            python3 -m venv "$cache/venv" && timeout 300 "$cache/venv/bin/pip" -q --disable-pip-version-check install $wanted || return 1
            printf '%s' "$wanted" >"$cache/venv/wanted"
        fi
        prepared_venv=yes
    fi
    PATH="$cache/venv/bin:$PATH"
}
prepared_npm=
npm_tools() {
    if [ -z "$prepared_npm" ]; then
        local wanted="dbmate@$DBMATE knex@$KNEX pg@$NODE_POSTGRES node-pg-migrate@$NODE_PG_MIGRATE liquibase@$LIQUIBASE"
        if [ "$(cat "$cache/npm/wanted" 2>/dev/null)" != "$wanted" ]; then
            rm -rf "$cache/npm"
            mkdir -p "$cache/npm"
            (cd "$cache/npm" && echo '{"private":true}' >package.json && timeout 300 npm install --silent --no-audit --no-fund $wanted) || return 1
            printf '%s' "$wanted" >"$cache/npm/wanted"
        fi
        prepared_npm=yes
    fi
    PATH="$cache/npm/node_modules/.bin:$PATH"
}

for script in "$here"/tools/*.sh; do . "$script"; done

failed=
chosen=("${@:-${all[@]}}")
[ "$#" != 0 ] || chosen=("${all[@]}")
for tool in "${chosen[@]}"; do
    function=${tool//-/_}
    began=$SECONDS
    if ! version=$("version_$function" 2>"$work/why"); then
        say "$tool: not run: $(tail -n 1 "$work/why")"
        continue
    fi
    "version_$function" >/dev/null 2>&1 # sets PATH
    project=$work/$function
    mkdir -p "$project"
    # set -e has no effect inside a condition.
    set +e
    (
        set -e
        cd "$project"
        "test_$function"
    )
    status=$?
    set -e
    if [ "$status" = 0 ]; then
        say "$tool $version: ${outcome[$tool]:-up and down twice, identical; resumed after a lock} ($((SECONDS - began)) s)"
    else
        say "$tool $version: FAILED"
        failed="$failed $tool"
    fi
done
say 'goose, golang-migrate, flyway: not run; unit tests compare the files with the documented grammar'
say 'sqlx: run by cargo test (migrations::sqlx_runner)'
if [ -n "$failed" ]; then fail "$failed"; fi

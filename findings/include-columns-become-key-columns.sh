#!/usr/bin/env bash
# Schema tools copy UNIQUE (tenant) INCLUDE (seats) as UNIQUE (tenant, seats) and then report "no difference".
#
# Versions: Liquibase 4.33.0 with pgjdbc 42.7.14 (Maven), drizzle-kit 0.31.11 with drizzle-orm 0.45.4 and pg 8.23.1 (npm),
#   PostgreSQL 15.
# Expected: a schema read from a database and applied to an empty one enforces the same rules, or the comparison of the
#   two reports the difference.
# Observed: pg_index.indkey lists INCLUDE columns after the key columns; pgjdbc's getIndexInfo and drizzle-kit treat all of them as
#   keys. The copy accepts duplicates that the original refuses. Liquibase also loses WHERE (the copy refuses rows that
#   the original contains) and text_pattern_ops; drizzle-kit loses DESC and COLLATE. Liquibase's comparison of original
#   and copy and drizzle-kit push against the original find nothing to change.
# Why it matters: baselines and test databases made this way enforce other rules than production, and a drift check does
#   not detect when a clean-up replaces an index by one with INCLUDE or WHERE. Compare pg_get_indexdef() instead.
# Source: pg_index.indnkeyatts in the manual; PgDatabaseMetaData.getIndexInfo.
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

for c in psql npm node java mvn; do command -v "$c" >/dev/null || cannot "$c is missing"; done
[ -x /usr/lib/postgresql/15/bin/initdb ] || cannot "PostgreSQL 15 is missing"
mkdir -p "$T/js" "$T/java"; cd "$T/js" || exit 77
npm init -y >/dev/null && npm install --silent --no-audit --no-fund drizzle-kit@0.31.11 drizzle-orm@0.45.4 pg@8.23.1 >/dev/null || cannot "npm packages"
cd "$T/java" || exit 77
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>finding</groupId><artifactId>finding</artifactId><version>1</version>
<dependencies><dependency><groupId>org.postgresql</groupId><artifactId>postgresql</artifactId><version>42.7.14</version></dependency>
<dependency><groupId>org.liquibase</groupId><artifactId>liquibase-core</artifactId><version>4.33.0</version></dependency></dependencies></project>
XML
mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib >mvn.log 2>&1 || cannot "Maven artifacts: $(tail -1 mvn.log)"
cat >Copy.java <<'JAVA'
import liquibase.command.CommandScope;
import liquibase.database.*;
import liquibase.database.jvm.JdbcConnection;
import liquibase.diff.*;
import liquibase.diff.compare.CompareControl;
import liquibase.structure.core.Index;
public class Copy {
  static Database open(String url) throws Exception {
    return DatabaseFactory.getInstance().findCorrectDatabaseImplementation(new JdbcConnection(java.sql.DriverManager.getConnection(url)));
  }
  public static void main(String[] url) throws Exception {
    new CommandScope("generateChangelog").addArgumentValue("changelogFile", "copy.yaml").addArgumentValue("url", url[0]).execute();
    new CommandScope("update").addArgumentValue("changelogFile", "copy.yaml").addArgumentValue("url", url[1]).execute();
    DiffResult d = DiffGeneratorFactory.getInstance().compare(open(url[0]), open(url[1]), new CompareControl());
    // the table databasechangeloglock is Liquibase's own
    long unexpected = d.getUnexpectedObjects(Index.class).stream().filter(i -> !i.getName().startsWith("databasechangelog")).count();
    System.out.println("indexes-differ " + (d.getMissingObjects(Index.class).size() + unexpected + d.getChangedObjects(Index.class).size()));
  }
}
JAVA
init one /usr/lib/postgresql/15/bin; start one
for d in original by_liquibase by_drizzle; do sql one -c "create database $d"; done
on() { psql -XqAt -h "$T" -p "${PORT[one]}" -U postgres -d "$1" "${@:2}"; }
on original <<'SQL'
create table account(id int primary key, tenant int, seats int, plan text, email text, deleted timestamptz);
create unique index account_tenant on account(tenant) include (seats);
create unique index account_email on account(email) where deleted is null;
create index account_plan on account(plan text_pattern_ops);
create index account_recent on account(seats desc nulls last, id);
SQL
java -cp 'lib/*:.' Copy.java "jdbc:postgresql://127.0.0.1:${PORT[one]}/original?user=postgres" "jdbc:postgresql://127.0.0.1:${PORT[one]}/by_liquibase?user=postgres" >java.out 2>java.log || cannot "Liquibase: $(grep -m1 -iE 'exception|error' java.log)"
differ=$(awk '/^indexes-differ/{print $2}' java.out)

cd "$T/js" || exit 77
for d in original by_drizzle; do
  echo "module.exports = { dialect: 'postgresql', schema: './dz/schema.ts', out: './dz', dbCredentials: { url: 'postgres://postgres@127.0.0.1:${PORT[one]}/$d' } }" >$d.config.js
done
npx --no-install drizzle-kit pull --config original.config.js >pull.log 2>&1 || cannot "drizzle-kit pull: $(tail -1 pull.log)"
npx --no-install drizzle-kit push --force --config by_drizzle.config.js >push.log 2>&1 || cannot "drizzle-kit push: $(tail -1 push.log)"
npx --no-install drizzle-kit push --config original.config.js </dev/null >again.log 2>&1

echo "Liquibase 4.33.0 (pgjdbc 42.7.14), drizzle-kit 0.31.11, $(/usr/lib/postgresql/15/bin/postgres --version)"
indexes() { on "$1" -c "select indexdef from pg_indexes where tablename = 'account' and indexname not like '%pkey' order by indexname" | sed 's/ON public.account USING btree //'; }
duplicate() { on "$1" -c "insert into account(id, tenant, seats) values (1, 7, 1), (2, 7, 2)" >/dev/null 2>&1 && echo accepted || echo refused; on "$1" -c "delete from account"; }
deleted() { on "$1" -c "insert into account(id, tenant, email, deleted) values (1, 1, 'x', now()), (2, 2, 'x', now())" >/dev/null 2>&1 && echo accepted || echo refused; on "$1" -c "delete from account"; }
seen=""
for d in original by_liquibase by_drizzle; do
  a=$(duplicate $d); z=$(deleted $d); seen="$seen$a/$z "
  echo "  $d: second row of a tenant $a, e-mail of two deleted rows $z"; indexes $d | sed 's/^/    /'
done
none=$(grep -c "No changes detected" again.log)
echo "  Liquibase, original against copy: $differ indexes differ; drizzle-kit push against the original: $(grep -o 'No changes detected' again.log)"
echo "expected: refused, accepted for all three, or differences reported"
[ "$seen" = "refused/accepted accepted/refused accepted/accepted " ] && [ "$differ" = 0 ] && [ "$none" = 1 ] && ! indexes by_drizzle | grep -q DESC &&
  indexes by_liquibase | grep -q 'account_tenant (tenant, seats)' && indexes by_drizzle | grep -q 'account_tenant (tenant, seats)' && indexes by_drizzle | grep -q 'account_recent (seats, id)' &&
  echo "observed, as stated" || { echo "CHANGED: $seen"; exit 1; }

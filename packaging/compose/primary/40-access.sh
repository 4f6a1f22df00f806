#!/bin/bash
# Sets the passwords from the environment, so that no file contains one, and allows the standby to connect.
set -eu

psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
    --set=monitor="$MONITOR_PASSWORD" --set=replication="$REPLICATION_PASSWORD" <<'SQL'
alter role pgtend password :'monitor';
alter role replicator password :'replication';
SQL

echo 'host replication replicator all scram-sha-256' >>"$PGDATA/pg_hba.conf"

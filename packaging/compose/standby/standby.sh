#!/bin/sh
# Starts a streaming standby of `primary`. The first start copies the primary; the slot is from 30-slots.sql.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # The image makes the folder accessible to all users, which the server refuses. An interrupted copy leaves files that
    # pg_basebackup refuses.
    chmod 0700 "$PGDATA"
    find "$PGDATA" -mindepth 1 -delete
    pg_basebackup --host=primary --username=replicator --pgdata="$PGDATA" \
        --wal-method=stream --slot=standby --write-recovery-conf --checkpoint=fast
fi

exec "$@"

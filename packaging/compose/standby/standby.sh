#!/bin/sh
# A streaming standby of `primary`: copied on the first start, with a slot of its own from 30-slots.sql.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # The image leaves the folder open to every user, which the server refuses. What a copy that broke off has left
    # would be in the way of the next.
    chmod 0700 "$PGDATA"
    find "$PGDATA" -mindepth 1 -delete
    pg_basebackup --host=primary --username=replicator --pgdata="$PGDATA" \
        --wal-method=stream --slot=standby --write-recovery-conf --checkpoint=fast
fi

exec "$@"

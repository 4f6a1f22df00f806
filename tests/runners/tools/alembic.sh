version_alembic() { venv && alembic --version | grep -oE '[0-9.]+'; }
run_alembic() { ALEMBIC_URL="postgresql+psycopg://postgres@127.0.0.1:$PGPORT/$1" alembic "${@:2}"; }
up_alembic() { run_alembic "$1" upgrade head; }
down_alembic() { run_alembic "$1" downgrade base; }
test_alembic() {
    alembic init db >/dev/null 2>&1
    cat >db/env.py <<'PY'
import os
from alembic import context
from sqlalchemy import create_engine
if context.is_offline_mode():
    # As in Alembic's own template.
    context.configure(url=os.environ["ALEMBIC_URL"], dialect_opts={"paramstyle": "named"})
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(os.environ["ALEMBIC_URL"]).connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
PY
    mkdir -p db/versions
    run_alembic none revision -m first >/dev/null 2>&1
    fresh_database alembic_all
    write_in_place alembic_all "${names[@]}"
    up_and_down alembic alembic_all db/versions
    # As a script, too: psql runs the output of Alembic.
    run_alembic alembic_all upgrade head --sql >up.sql 2>/dev/null
    grep -q 'DROP INDEX CONCURRENTLY IF EXISTS shop.users_name;' up.sql
    fingerprint alembic_all >before
    sql -d alembic_all -c 'drop table if exists alembic_version'
    sql -d alembic_all -f up.sql >/dev/null
    run_alembic alembic_all downgrade head:base --sql >down.sql 2>/dev/null
    sql -d alembic_all -f down.sql >/dev/null
    fingerprint alembic_all | diff before -
    rm db/versions/*_drop_*
    fresh_database alembic_all
    write_in_place alembic_all users_name
    with_a_lock alembic alembic_all db/versions
}

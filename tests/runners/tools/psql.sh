version_psql() { psql --version | grep -oE '[0-9]+\.[0-9]+' | head -n 1; }
up_psql() { local f; for f in m/*.up.sql; do PGDATABASE=$1 psql -X -f "$f" || return; done; }
down_psql() { local f; for f in $(ls -r m/*.down.sql); do PGDATABASE=$1 psql -X -f "$f" || return; done; }
test_psql() {
    fresh_database psql_all
    write psql_all sql m "${names[@]}"
    up_and_down psql psql_all m
    rm -r m
    write psql_all sql m users_name
    with_a_lock psql psql_all m
}

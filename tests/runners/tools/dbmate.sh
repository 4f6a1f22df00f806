version_dbmate() { npm_tools && dbmate --version | grep -oE '[0-9.]+'; }
run_dbmate() { dbmate --url "postgres://postgres@127.0.0.1:$PGPORT/$1?sslmode=disable" --no-dump-schema -d m "$2"; }
up_dbmate() { run_dbmate "$1" migrate; }
down_dbmate() { local f; for f in m/*.sql; do run_dbmate "$1" rollback || return; done; }
test_dbmate() {
    fresh_database dbmate_all
    write dbmate_all dbmate m "${names[@]}"
    up_and_down dbmate dbmate_all m
    rm -r m
    fresh_database dbmate_all
    write dbmate_all dbmate m users_name
    with_a_lock dbmate dbmate_all m
}

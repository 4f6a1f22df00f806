version_node_pg_migrate() { npm_tools && node -p "require('$cache/npm/node_modules/node-pg-migrate/package.json').version"; }
run_node_pg_migrate() { DATABASE_URL="postgres://postgres@127.0.0.1:$PGPORT/$1" node-pg-migrate -m m "${@:2}"; }
up_node_pg_migrate() { run_node_pg_migrate "$1" up; }
down_node_pg_migrate() { run_node_pg_migrate "$1" down 999; }
test_node_pg_migrate() {
    ln -sfn "$cache/npm/node_modules" node_modules
    fresh_database npm_all
    write npm_all node-pg-migrate m "${names[@]}"
    up_and_down node_pg_migrate npm_all m
    rm -r m
    fresh_database npm_all
    write npm_all node-pg-migrate m users_name
    with_a_lock node_pg_migrate npm_all m
}

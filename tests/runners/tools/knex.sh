version_knex() { npm_tools && node -p "require('$cache/npm/node_modules/knex/package.json').version"; }
up_knex() { KNEX_DATABASE=$1 knex --knexfile knexfile.js migrate:latest; }
down_knex() { KNEX_DATABASE=$1 knex --knexfile knexfile.js migrate:rollback --all; }
test_knex() {
    ln -sfn "$cache/npm/node_modules" node_modules
    cat >knexfile.js <<'JS'
module.exports = {
  client: "pg",
  connection: { host: process.env.PGHOST, port: process.env.PGPORT, user: "postgres", database: process.env.KNEX_DATABASE },
  migrations: { directory: "./m" },
};
JS
    fresh_database knex_all
    write knex_all knex m "${names[@]}"
    up_and_down knex knex_all m
    rm -r m
    fresh_database knex_all
    write knex_all knex m users_name
    with_a_lock knex knex_all m
}

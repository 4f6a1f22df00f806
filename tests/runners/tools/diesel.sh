# diesel_migrations, the crate behind diesel_cli and `embed_migrations!`.
version_diesel() {
    { pkg-config --exists libpq || [ -e /usr/include/postgresql/libpq-fe.h ]; } || { echo 'libpq-dev is missing' >&2; return 1; }
    timeout 400 cargo build -q --locked --manifest-path "$here/diesel/Cargo.toml" --target-dir "$cache/diesel" >&2 || return 1
    grep -A1 'name = "diesel_migrations"' "$here/diesel/Cargo.lock" | grep -oE '[0-9.]+'
}
run_diesel() { "$cache/diesel/debug/runner" "postgres://postgres@127.0.0.1:$PGPORT/$1" m "$2"; }
up_diesel() { run_diesel "$1" up; }
down_diesel() { run_diesel "$1" down; }
test_diesel() {
    fresh_database diesel_all
    write diesel_all diesel m "${names[@]}"
    up_and_down diesel diesel_all m
    rm -r m
    fresh_database diesel_all
    write diesel_all diesel m users_name
    with_a_lock diesel diesel_all m
}

# No file of SQL has a warning: the files disable the two rules on timeouts, because the timeouts are set on the
# connection.
version_squawk() { venv && squawk --version | grep -oE '[0-9.]+'; }
test_squawk() {
    local framework some=("${names[@]}")
    fresh_database squawk_all
    for framework in sql sqlx flyway golang-migrate goose dbmate diesel liquibase; do
        # pgtend refuses the last name for Liquibase, which reads it as a property.
        if [ "$framework" = liquibase ]; then some=("${names[@]:0:5}"); fi
        write squawk_all "$framework" "$framework" "${some[@]}"
    done
    find . -name '*.sql' ! -name U* -print0 | xargs -0 squawk --pg-version 15.0 >out 2>&1 || { cat out; return 1; }
    # Only these rules are disabled.
    if grep -rhoE 'squawk-ignore-file.*' . | sort -u | grep -vxE \
        'squawk-ignore-file require-lock-timeout, require-statement-timeout(, require-concurrent-index-creation)?(, prefer-robust-stmts)?'; then
        return 1
    fi
}

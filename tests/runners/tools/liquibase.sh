version_liquibase() {
    npm_tools && command -v java >/dev/null || { echo 'java is missing' >&2; return 1; }
    [ -e "$cache/npm/node_modules/liquibase/dist/liquibase/liquibase.jar" ] || { echo 'the package brings no jar' >&2; return 1; }
    echo "$LIQUIBASE"
}
run_liquibase() {
    local dist=$cache/npm/node_modules/liquibase/dist
    java -XX:TieredStopAtLevel=1 -cp "$dist/liquibase/liquibase.jar:$dist/liquibase/lib/*:$(ls "$dist"/drivers/postgresql-*.jar)" \
        liquibase.integration.commandline.LiquibaseCommandLine --classpath=. --changeLogFile=root.xml \
        --url="jdbc:postgresql://127.0.0.1:$PGPORT/$1" --username=postgres "${@:2}"
}
up_liquibase() { run_liquibase "$1" update; }
down_liquibase() { run_liquibase "$1" rollbackCount 999; }
test_liquibase() {
    cat >root.xml <<'XML'
<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-4.1.xsd">
  <includeAll path="m" relativeToChangelogFile="true"/>
</databaseChangeLog>
XML
    # pgtend refuses the last name because Liquibase reads it as a property.
    local some=("${names[@]:0:5}")
    fresh_database liquibase_all
    write liquibase_all liquibase m "${some[@]}"
    up_and_down liquibase liquibase_all m
    rm -r m
    fresh_database liquibase_all
    write liquibase_all liquibase m users_name
    with_a_lock liquibase liquibase_all m
}

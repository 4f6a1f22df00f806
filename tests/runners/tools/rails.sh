# ActiveRecord without the rest of Rails.
version_rails() { ruby -ractive_record -rpg -e 'puts ActiveRecord.version' 2>&1 || { echo 'ruby-activerecord or ruby-pg is missing' >&2; return 1; }; }
run_rails() { ruby migrate.rb "$@"; }
up_rails() { run_rails "$1" up; }
down_rails() { run_rails "$1" down; }
test_rails() {
    mkdir -p config db/migrate
    touch config/application.rb
    cat >migrate.rb <<'RB'
require "active_record"
require "logger"
ActiveRecord::Base.establish_connection(
  adapter: "postgresql", host: ENV["PGHOST"], port: ENV["PGPORT"], username: "postgres", database: ARGV[0]
)
context = ActiveRecord::MigrationContext.new("db/migrate", ActiveRecord::SchemaMigration)
ARGV[1] == "up" ? context.migrate : context.migrate(20200101000000)
RB
    printf 'class First < ActiveRecord::Migration[6.1]\n  def change\n  end\nend\n' >db/migrate/20200101000000_first.rb
    fresh_database rails_all
    write_in_place rails_all "${names[@]}"
    up_and_down rails rails_all db/migrate
    rm db/migrate/*_drop_*
    fresh_database rails_all
    write_in_place rails_all users_name
    with_a_lock rails rails_all db/migrate
}

//! `pgtend indexes migrate` and `verify` through the program: refusals first.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pg_sandbox::Cluster;
use serde_json::Value;

use crate::clusters::{
    cluster_options, connect_superuser, execute_sql, is_left_out, newest_installation, on_the_newest_alone,
    private_cluster, query_texts, wait_until_true_in,
};
use crate::indexes::script::{run_statements, split_statements};
use crate::reports::program::{ProgramOutput, find_element, pgtend_as_nobody, pgtend_command, run_command};

const SCHEMA: &str = include_str!("../../runners/schema.sql");

/// No limit on observation or size applies.
pub const LIMIT_OPTIONS: [&str; 4] = ["--min-observation", "0", "--min-reclaim", "0"];

/// Writes migrations for the named indexes, and asserts success.
pub fn write_migrations(cluster: &Cluster, database: &str, framework: &str, folder: &Path, indexes: &[&str]) {
    let conninfo = format!("{} dbname={database}", cluster.conninfo());
    let folder = folder.to_str().unwrap();
    let fixed = ["indexes", "migrate", "-d", &conninfo, "--framework", framework, "--output", folder, "--yes"];
    let answer = run_command(&mut pgtend_command(&[&fixed[..], &LIMIT_OPTIONS[..], indexes].concat()));
    assert_eq!(answer.exit, 0, "{answer:?}");
}

/// Waits until the statistics show that every table was read: indexes of unread tables are kept.
pub async fn wait_until_counted(cluster: &Cluster, database: &str) {
    // Before 15 counters are updated with a delay; on all majors after their session has ended.
    let read = "select count(*) >= 4 from pg_stat_user_tables where seq_scan > 0";
    wait_until_true_in(cluster, database, read).await;
}

pub struct Project {
    pub folder: tempfile::TempDir,
    pub conninfo: String,
}

impl Project {
    pub async fn new(cluster: &Cluster, database: &str) -> Project {
        execute_sql(cluster, "postgres", &format!("create database {database}")).await;
        let client = connect_superuser(cluster, database).await;
        assert_eq!(run_statements(&client, &split_statements(SCHEMA)).await, [""; 0]);
        drop(client);
        let project = Project {
            folder: tempfile::tempdir().unwrap(),
            conninfo: format!("{} dbname={database}", cluster.conninfo()),
        };
        wait_until_counted(cluster, database).await;
        project
    }

    fn run_pgtend(&self, arguments: &[&str]) -> ProgramOutput {
        let fixed = ["indexes", "migrate", "-d", &self.conninfo];
        run_command(
            pgtend_command(&[&fixed[..], &LIMIT_OPTIONS[..], arguments].concat()).current_dir(self.folder.path()),
        )
    }

    fn verify(&self, folder: &str) -> Value {
        let arguments = ["indexes", "verify", folder, "-d", &self.conninfo, "--format", "json"];
        let answer = run_command(pgtend_command(&arguments).current_dir(self.folder.path()));
        assert_eq!(answer.exit, 0, "{answer:?}");
        serde_json::from_str(&answer.stdout).unwrap()
    }

    /// Asserts a refusal or a failure with a message, without files.
    fn assert_refused(&self, exit: i32, arguments: &[&str], reason: &str) {
        let before = files_below(self.folder.path());
        let answer = self.run_pgtend(arguments);
        assert_eq!(answer.exit, exit, "{arguments:?}: {answer:?}");
        assert!(answer.stderr.contains(reason), "{arguments:?}: {answer:?}");
        assert_eq!(before, files_below(self.folder.path()), "{arguments:?}: {answer:?}");
    }
}

/// Returns all paths below a folder, including hidden files.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        }
        files.push(path);
    }
    files.sort();
    files
}

async fn assert_refusals(cluster: &Cluster, project: &Project) {
    let sql_in = |folder| ["--framework", "sql", "--output", folder];
    // Without a known migration tool, nothing is written.
    project.assert_refused(2, &[], "no migration tool found");
    project.assert_refused(2, &["--framework", "django"], "--output DIR");
    project.assert_refused(2, &["--framework", "prisma"], "invalid value");
    project.assert_refused(2, &[&sql_in("m")[..], &["--limit", "3"]].concat(), "--limit is an option of");
    project.assert_refused(2, &[&sql_in("m")[..], &["--sort", "size"]].concat(), "--sort is an option of");
    project.assert_refused(2, &[&sql_in("m")[..], &["--all-databases"]].concat(), "one database");
    project.assert_refused(2, &[&sql_in("m")[..], &["--from", "x.json"]].concat(), "requires a server");
    project.assert_refused(
        2,
        &[&sql_in("m")[..], &["--schema", "shop", "users_name"]].concat(),
        "cannot be used with index names",
    );
    project.assert_refused(2, &[&sql_in("m")[..], &["--maintenance"]].concat(), "cannot be used with");
    // Without a terminal, there is no consent.
    project.assert_refused(4, &sql_in("m"), "confirmation needs a terminal");
    // Names that are not indexes, and an index that is kept.
    project.assert_refused(2, &[&sql_in("m")[..], &["--yes", "users_nam"]].concat(), "did you mean \"users_name\"");
    project.assert_refused(2, &[&sql_in("m")[..], &["--yes", "users"]].concat(), "index \"users\" does not exist");
    project.assert_refused(
        4,
        &[&sql_in("m")[..], &["--yes", "users_pkey"]].concat(),
        "shop.users_pkey has the verdict keep: primary key",
    );
    // Only the drops, and a name in the plan that cannot be written on one line.
    execute_sql(cluster, "bad_input", "create index \"two\nlines\" on shop.users (created, id)").await;
    project.assert_refused(4, &[&sql_in("m")[..], &["--yes", "two\nlines"]].concat(), "line break");
    execute_sql(cluster, "bad_input", "drop index shop.\"two\nlines\"").await;

    // A folder without write privilege, one that is a file, one below a file.
    let locked = project.folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    // The socket is accessible to its owner only.
    let conninfo = format!("{} dbname=bad_input", cluster.tcp_conninfo());
    let fixed = ["indexes", "migrate", "-d", &conninfo, "--yes", "users_name"];
    let arguments = [&fixed[..], &LIMIT_OPTIONS[..], &sql_in("locked")[..]].concat();
    let denied = run_command(&mut pgtend_as_nobody(project.folder.path(), &arguments));
    assert!(denied.exit == 1 && denied.stderr.contains("Permission denied; nothing was written"), "{denied:?}");
    assert_eq!(files_below(&locked), [""; 0].map(PathBuf::from));
    fs::write(project.folder.path().join("file"), "").unwrap();
    project.assert_refused(1, &[&sql_in("file")[..], &["--yes", "users_name"]].concat(), "cannot read file");
    project.assert_refused(1, &[&sql_in("file/m")[..], &["--yes", "users_name"]].concat(), "file/m");

    // Another session drops, rebuilds or locks the index: before the prompt, and during it.
    let client = connect_superuser(cluster, "bad_input").await;
    client.batch_execute("begin; lock table shop.users in access exclusive mode").await.unwrap();
    project.assert_refused(4, &[&sql_in("m")[..], &["--yes", "users_name"]].concat(), "locked by another session");
    client.batch_execute("rollback").await.unwrap();

    // Two heads, two tools, two apps.
    let write = |name: &str, text: &str| {
        let path = project.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("db/versions/a_.py", "revision = 'a'\ndown_revision = None\n");
    write("db/versions/b_.py", "revision = 'b'\ndown_revision = None\n");
    write("alembic.ini", "script_location = db\n");
    project.assert_refused(4, &["--yes", "users_name"], "several heads: a, b");
    write("manage.py", "");
    write("shop/migrations/__init__.py", "");
    project.assert_refused(
        2,
        &["--yes", "users_name"],
        "several migration tools: django (manage.py), alembic (alembic.ini)",
    );
    write("more/migrations/__init__.py", "");
    project.assert_refused(2, &["--framework", "django", "--yes", "users_name"], "several folders");
}

#[tokio::test]
async fn migrations_refuse_what_cannot_be_written() {
    let options = cluster_options().with_setting("autovacuum", "off").with_setting("fsync", "off");
    on_the_newest_alone("refusals of migrations", options, async |_, cluster| {
        let project = Project::new(&cluster, "bad_input").await;
        assert_refusals(&cluster, &project).await;
    })
    .await;
}

pub fn newest_cluster() -> Cluster {
    private_cluster(
        newest_installation(),
        cluster_options().with_setting("autovacuum", "off").with_setting("fsync", "off"),
    )
}

#[tokio::test]
async fn migrations_plan_is_written_and_verified() {
    let cluster = newest_cluster();
    let project = Project::new(&cluster, "plans").await;
    let into = ["--framework", "goose", "--output", "m"];
    // A dry run.
    let answer = project.run_pgtend(&[&into[..], &["--dry-run", "--format", "json"]].concat());
    assert_eq!(answer.exit, 0, "{answer:?}");
    let plan: Value = serde_json::from_str(&answer.stdout).unwrap();
    let plan = &plan["migration"];
    assert_eq!(plan["framework"], "goose");
    let index = find_element(plan, "indexes", "index", "users_name");
    assert_eq!((&index["verdict"], &index["schema"]), (&Value::from("drop"), &Value::from("shop")));
    assert!(plan["reviews"].as_u64() >= Some(2), "{plan}");
    let drops = plan["indexes"].as_array().unwrap().len();
    assert_eq!(plan["files"].as_array().unwrap().len(), drops);
    assert!(files_below(project.folder.path()).is_empty(), "{:?}", files_below(project.folder.path()));

    // Selected by finding, schema and table.
    let chosen = |more: &[&str]| {
        let answer = project.run_pgtend(&[&into[..], &["--dry-run", "--format", "json"], more].concat());
        let plan: Value = serde_json::from_str(&answer.stdout).unwrap();
        plan["migration"]["indexes"].as_array().unwrap().len()
    };
    assert_eq!(chosen(&["--finding", "unused-index"]), drops);
    assert_eq!(chosen(&["--finding", "duplicate-index"]), 0);
    assert_eq!(chosen(&["--schema", "Odd*"]), 1);
    assert_eq!(chosen(&["--schema", "shop", "--table", "no_such_table"]), 0);

    // Written twice: with other numbers and names, and nothing is replaced.
    let answer = project.run_pgtend(&[&into[..], &["--yes", "users_name"]].concat());
    assert!(answer.exit == 0 && answer.stderr.contains("1 file written"), "{answer:?}");
    let written = files_below(project.folder.path());
    let answer = project.run_pgtend(&[&into[..], &["--yes", "users_name"]].concat());
    assert_eq!(answer.exit, 0, "{answer:?}");
    let before_and_after = files_below(project.folder.path());
    assert!(before_and_after.len() == written.len() + 1 && written.iter().all(|file| before_and_after.contains(file)));

    // The state of the migration.
    let state =
        |report: &Value| find_element(&report["verification"], "indexes", "index", "users_name")["state"].clone();
    assert_eq!(state(&project.verify("m")), "exists");
    let client = connect_superuser(&cluster, "plans").await;
    client
        .batch_execute("update pg_index set indisvalid = false where indexrelid = 'shop.users_name'::regclass")
        .await
        .unwrap();
    assert_eq!(state(&project.verify("m")), "invalid");
    client.batch_execute("drop index concurrently shop.users_name").await.unwrap();
    assert_eq!(state(&project.verify("m")), "gone");
    client.batch_execute("create table shop.users_name ()").await.unwrap();
    assert_eq!(state(&project.verify("m")), "no_index");
    let verify = |arguments: &[&str]| run_in_project(&project, &[&["indexes", "verify"], arguments].concat());
    assert!(verify(&["nowhere"]).stderr.contains("cannot read nowhere"));
    fs::create_dir(project.folder.path().join("empty")).unwrap();
    assert!(verify(&["empty"]).stderr.contains("no file in empty was written by pgtend"));
    assert_eq!(verify(&["m", "--sort", "size"]).exit, 2);
}

fn run_in_project(project: &Project, arguments: &[&str]) -> ProgramOutput {
    run_command(pgtend_command(&[arguments, &["-d", &project.conninfo]].concat()).current_dir(project.folder.path()))
}

#[tokio::test]
async fn migrations_maintenance_script_can_be_rerun() {
    if is_left_out("maintenance script of a large index") {
        return;
    }
    let cluster = newest_cluster();
    let project = Project::new(&cluster, "chores").await;
    let client = connect_superuser(&cluster, "chores").await;
    client
        .batch_execute(
            "create table shop.rest (a int); insert into shop.rest select i / 2 from generate_series(1, 1000) i;
             create unlogged table shop.fat (a bigint);
             insert into shop.fat select i from generate_series(1, 5800000) i;
             create index fat_a on shop.fat (a); delete from shop.fat where a % 12 <> 0",
        )
        .await
        .unwrap();
    client.batch_execute("create unique index concurrently rest_a on shop.rest (a)").await.unwrap_err();
    client.batch_execute("vacuum analyze shop.fat").await.unwrap();
    // The saved data directory may be hours old, and an index observed for long enough would be dropped instead of
    // rebuilt.
    client.batch_execute("select pg_stat_reset()").await.unwrap();
    // The leftover of an earlier rebuild, with the name that REINDEX CONCURRENTLY chooses.
    client
        .batch_execute(
            "create index fat_a_ccnew1 on shop.fat (a);
             update pg_index set indisvalid = false where indexrelid = 'shop.fat_a_ccnew1'::regclass",
        )
        .await
        .unwrap();
    project.assert_refused(2, &["--maintenance", "--yes", "missing"], "does not exist");
    project.assert_refused(4, &["--maintenance", "rest_a"], "confirmation needs a terminal");
    let answer = project.run_pgtend(&["--maintenance", "--yes", "--output", "chores", "rest_a", "fat_a"]);
    assert_eq!(answer.exit, 0, "{answer:?}");
    let script = files_below(project.folder.path()).pop().unwrap();
    let text = fs::read_to_string(&script).unwrap();
    assert!(text.contains("DROP INDEX CONCURRENTLY IF EXISTS shop.rest_a;"), "{text}");
    assert!(text.contains("REINDEX INDEX CONCURRENTLY shop.fat_a;"), "{text}");
    let size = "select pg_relation_size('shop.fat_a')::text";
    let bytes = async || query_texts(&cluster, "chores", size).await[0][0].as_ref().unwrap().parse::<u64>().unwrap();
    let before = bytes().await;
    let oid = async || query_texts(&cluster, "chores", "select 'shop.fat_a'::regclass::oid::text").await;
    let psql = || {
        let conninfo = project.conninfo.clone();
        std::process::Command::new("psql").args(["-X", "-d", &conninfo, "-f", script.to_str().unwrap()]).output()
    };
    let Ok(first) = psql() else {
        crate::clusters::print_stderr("maintenance script: NOT RUN, there is no psql");
        return;
    };
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert!(bytes().await < before / 2);
    for name in ["rest_a", "fat_a_ccnew1"] {
        let regclass = query_texts(&cluster, "chores", &format!("select to_regclass('shop.{name}')::text")).await;
        assert_eq!(regclass[0][0], None, "{name}");
    }
    // Run again, the script does nothing.
    let rebuilt = oid().await;
    assert!(psql().unwrap().status.success());
    assert_eq!(rebuilt, oid().await);
}

//! A store on a Postgres server whose schema, or an object in it, is owned by another role.

use super::{create_postgres_store, open_store, parse_address, simulated_cluster::SimulatedCluster};
use crate::{
    clusters::{create_database, execute_sql, on_a_major_and_the_newest, query_one_text, shared_cluster},
    reports::{fixture_servers::role_conninfo, program::run_pgtend},
};
use pgtend::history::{HistoryError, Store};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// How an object becomes foreign, the object in the error, and the remedy that is printed; `{me}` is the connecting
/// role.
const FOREIGN_OBJECTS: [(&str, &str, &str); 9] = [
    ("alter schema pgtend owner to {other}", "schema pgtend", "ALTER SCHEMA pgtend OWNER TO {me}"),
    ("alter table pgtend.slot owner to {other}", "table pgtend.slot", "ALTER TABLE pgtend.slot OWNER TO {me}"),
    (
        "alter table pgtend._sqlx_migrations owner to {other}",
        "table pgtend._sqlx_migrations",
        "ALTER TABLE pgtend._sqlx_migrations OWNER TO {me}",
    ),
    (
        "create view pgtend.extra as select public.trap() as a; alter view pgtend.extra owner to {other}",
        "view pgtend.extra",
        "DROP VIEW pgtend.extra",
    ),
    (
        "create function pgtend.hashtextextended(text, int) returns bigint language sql as 'select public.trap()::bigint'; \
         alter function pgtend.hashtextextended(text, int) owner to {other}",
        "function pgtend.hashtextextended(text, integer)",
        "DROP ROUTINE pgtend.hashtextextended(text, integer)",
    ),
    (
        "create trigger extra before insert or update on pgtend.sample for each row execute function public.trap_row()",
        "trigger extra on pgtend.sample calls function public.trap_row(), which",
        "DROP TRIGGER extra ON pgtend.sample",
    ),
    (
        "alter table pgtend.sample alter address set default public.trap()::text",
        "column default on pgtend.sample calls function public.trap(), which",
        "ALTER ROUTINE public.trap() OWNER TO {me}",
    ),
    (
        "alter routine public.trap() owner to {other}; \
         alter table pgtend.sample alter address drop default; \
         create policy extra on pgtend.sample using (public.trap() = 1)",
        "row-level security policy on pgtend.sample calls function public.trap(), which",
        "ALTER ROUTINE public.trap() OWNER TO {me}",
    ),
    (
        "create domain pgtend.int8 as pg_catalog.int8; alter domain pgtend.int8 owner to {other}",
        "type pgtend.int8",
        "DROP TYPE pgtend.int8",
    ),
];

#[tokio::test]
async fn store_with_foreign_objects_is_refused() {
    on_a_major_and_the_newest(13, "store with objects of another role", async |major, _| {
        let cluster = shared_cluster(major);
        // The connecting role is a superuser: that must not permit other owners.
        let url = create_postgres_store(major).await;
        let name = url.rsplit_once('/').unwrap().1.to_owned();
        let (me, other) = ("postgres", format!("{name}_other"));
        let store = open_store(&url).await;
        store.record(&SimulatedCluster::new().snapshot()).await.unwrap();
        store.close().await;
        let setup = format!(
            "create role {other} login; grant all on schema pgtend, public to {other}; \
             create sequence public.called; grant all on public.called to public; \
             create function public.trap() returns int language sql as $$ select nextval('public.called')::int $$; \
             alter function public.trap() owner to {other}; \
             create function public.trap_row() returns trigger language plpgsql as \
               $$ begin perform nextval('public.called'); return new; end $$; \
             alter function public.trap_row() owner to {other}; select public.trap(); select public.trap()"
        );
        execute_sql(cluster, &name, &setup).await;
        let count = "select last_value::text from public.called";
        assert_eq!(query_one_text(cluster, &name, count).await.as_deref(), Some("2"), "the trap counts its calls");
        for (setup, object, remedy) in FOREIGN_OBJECTS {
            let fill = |text: &str| text.replace("{me}", me).replace("{other}", &other);
            execute_sql(cluster, &name, &fill(setup)).await;
            let errors = [
                Store::open(&parse_address(&url)).await.err(),
                Store::open_to_read(&parse_address(&url), TIMEOUT).await.err(),
                Store::open_to_add(&parse_address(&url), TIMEOUT).await.err(),
            ];
            for error in errors {
                let error = error.unwrap_or_else(|| panic!("on {major}: {object} is not refused"));
                assert!(matches!(error, HistoryError::UntrustedOwner { .. }), "{error}");
                let text = error.to_string();
                for part in [object, &format!("role {other}"), &fill(remedy)] {
                    assert!(text.contains(part), "on {major}: no {part} in {text}");
                }
            }
            execute_sql(cluster, &name, &fill(remedy)).await;
            open_store(&url).await.close().await;
        }
        // The connecting role owns the function that a default and a policy call.
        let store = open_store(&url).await;
        assert_eq!(store.samples(None).await.unwrap().len(), 1);
        store.close().await;
        assert_eq!(query_one_text(cluster, &name, count).await.as_deref(), Some("2"), "on {major}: a trap was called");
        execute_sql(cluster, "postgres", &format!("drop database {name}; ")).await;
        execute_sql(cluster, "postgres", &format!("drop role {other}")).await;
    })
    .await;
}

#[tokio::test]
async fn store_prepared_by_another_role_is_refused() {
    on_a_major_and_the_newest(13, "store prepared by another role", async |major, _| {
        let cluster = shared_cluster(major);
        let name = create_database(cluster).await;
        let other = format!("{name}_other");
        let server = role_conninfo(cluster, "postgres", "postgres");
        let base = create_postgres_store(major).await;
        let url = format!("{}/{name}", base.rsplit_once('/').unwrap().0);
        // Created before the first use by pgtend: a view in place of the migration table.
        let setup = format!(
            "create role {other} login; grant create on database {name} to {other}; set role {other}; \
             create schema pgtend; create view pgtend._sqlx_migrations as select 99::bigint as version"
        );
        execute_sql(cluster, &name, &setup).await;
        let recorded = run_pgtend(&["history", "record", "-d", &server, "--history", &url]);
        assert_eq!(recorded.exit, 1, "{recorded:?}");
        assert!(recorded.stderr.contains("schema pgtend is owned by role"), "{recorded:?}");
        assert!(recorded.stderr.contains("ALTER SCHEMA pgtend OWNER TO postgres"), "{recorded:?}");
        let read = run_pgtend(&["slots", "-d", &server, "--history", &url]);
        assert_eq!(read.exit, 0, "{read:?}");
        assert!(read.stderr.contains("schema pgtend is owned by role"), "{read:?}");
        let journal = run_pgtend(&["history", "journal", "--history", &url]);
        assert_eq!(journal.exit, 1, "{journal:?}");

        // An ordinary role can use objects that a superuser owns.
        execute_sql(cluster, &name, &format!("drop schema pgtend cascade; grant all on schema public to {other}"))
            .await;
        open_store(&url).await.close().await;
        let grants =
            format!("grant usage on schema pgtend to {other}; grant select on all tables in schema pgtend to {other}");
        execute_sql(cluster, &name, &grants).await;
        let as_other = url.replacen("//postgres@", &format!("//{other}@"), 1);
        assert_ne!(as_other, url);
        assert!(Store::open_to_read(&parse_address(&as_other), TIMEOUT).await.unwrap().is_some());
    })
    .await;
}

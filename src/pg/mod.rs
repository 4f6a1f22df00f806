//! The wire: conninfo, TLS, session, queries, errors. The only user of tokio-postgres.

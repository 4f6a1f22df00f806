-- Tables and columns under the terms of the project's glossary. References to a renamed table or column follow.
-- Constraints and the identity sequence keep their names: which constraints have one depends on the major version.

-- Actions of pgtend: an entry is written before the action and completed after it.
alter table deed rename to journal_entry;
alter table journal_entry rename column deed_id to journal_id;
-- The size that an action changes: of the WAL directory or of a database.
alter table journal_entry rename column gauge to quantity;
alter table journal_entry rename column gauge_database to quantity_database;

-- A method of moving; null for the clean-up in place.
alter table prediction rename column way to method;
alter table prediction rename column gauge to quantity;
alter table prediction rename column gauge_database to quantity_database;

-- State of the nightly check, one row per target: the name of a target of the configuration, or a server's address.
alter table watched rename to check_state;
alter table check_state rename column place to target_key;
alter table finding rename column place to target_key;
alter table told rename to notified_finding;
alter table notified_finding rename column place to target_key;
alter table notified_finding rename column told_at to notified_at;

-- The databases that a sample connected to.
alter table contents_sample rename to database_sample;
alter index contents_sample_by_sample rename to database_sample_by_sample;

alter table slot rename column last_visited to last_connected;

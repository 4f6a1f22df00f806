-- The history of clusters and the journal of deeds. Times are microseconds since 1970, LSNs byte positions.

-- One line of samples that follow from each other; a copy with the same system identifier is another branch.
create table cluster (
  cluster_id        integer primary key,
  system_identifier text not null,
  branch            bigint not null,
  is_standby        bool not null,
  first_seen        bigint not null,
  unique (system_identifier, branch)
);

-- One look at a cluster, written even when nothing had changed.
create table sample (
  sample_id           integer primary key,
  cluster_id          bigint not null references cluster,
  collected_at        bigint not null,
  started_at          bigint not null,
  version_num         bigint not null,
  in_recovery         bool not null,
  timeline_id         bigint,
  checkpoint_lsn      bigint,
  checkpoint_time     bigint,
  current_lsn         bigint,
  address             text,
  database_name       text not null,
  provider            text not null,
  wal_directory_bytes bigint,
  slots_known         bool not null,
  databases_known     bool not null,
  -- The sample that takes over its values, while pruning.
  merged_into         bigint,
  unique (cluster_id, collected_at)
);

create table database (
  database_id integer primary key,
  cluster_id  bigint not null references cluster,
  name        text not null,
  first_seen  bigint not null,
  is_present  bool not null,
  bytes       bigint,
  unique (cluster_id, name)
);

-- Written when it differs from the one before, as all *_value tables.
create table database_value (
  database_id bigint not null references database,
  sample_id   bigint not null references sample,
  is_present  bool not null,
  bytes       bigint,
  primary key (database_id, sample_id)
) without rowid;

-- The databases that a sample read from inside: there, a relation without a new value is unchanged.
create table contents_sample (
  database_id    bigint not null references database,
  sample_id      bigint not null references sample,
  tables_known   bool not null,
  indexes_known  bool not null,
  database_reset bigint,
  shared_reset   bigint,
  primary key (database_id, sample_id)
) without rowid;

-- A table or index by its name, with the last value written of it.
create table relation (
  relation_id   integer primary key,
  database_id   bigint not null references database,
  kind          text not null,
  schema_name   text not null,
  name          text not null,
  first_seen    bigint not null,
  certain_since bigint not null,
  table_name    text not null,
  oid           bigint not null,
  is_present    bool not null,
  is_valid      bool not null,
  bytes         bigint not null,
  scans         bigint not null,
  scans_total   bigint not null,
  resets        bigint not null,
  unique (database_id, kind, schema_name, name)
);

-- No reference to sample: pruning would search this table, by far the largest, once for each sample that goes.
create table relation_value (
  relation_id bigint not null references relation,
  sample_id   bigint not null,
  oid         bigint not null,
  is_present  bool not null,
  is_valid    bool not null,
  bytes       bigint not null,
  scans       bigint not null,
  scans_total bigint not null,
  resets      bigint not null,
  primary key (relation_id, sample_id)
) without rowid;

create table slot (
  slot_id       integer primary key,
  cluster_id    bigint not null references cluster,
  name          text not null,
  first_seen    bigint not null,
  certain_since bigint not null,
  last_active   bigint,
  last_visited  bigint,
  frozen_since  bigint not null,
  unique (cluster_id, name)
);

create table slot_value (
  slot_id             bigint not null references slot,
  sample_id           bigint not null references sample,
  is_present          bool not null,
  is_active           bool not null,
  slot_type           text not null,
  plugin              text,
  restart_lsn         bigint,
  confirmed_flush_lsn bigint,
  wal_status          text,
  inactive_since      bigint,
  primary key (slot_id, sample_id)
) without rowid;

-- What pgtend did, or was about to do. It does not hang on the samples: it is kept whatever is pruned.
create table deed (
  deed_id           integer primary key,
  system_identifier text,
  server            text not null,
  database_name     text not null,
  role_name         text not null,
  kind              text not null,
  subject           text not null,
  statement         text not null,
  seen              text not null,
  promised_bytes    bigint,
  gauge             text,
  gauge_database    text,
  before_bytes      bigint,
  begun_at          bigint not null,
  finished_at       bigint,
  outcome           text,
  detail            text
);

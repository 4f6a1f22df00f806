-- What audits predicted, one row a size. Kept whatever is pruned, as the deeds are: each row is also what an audit
-- measured at its time, so later rows measure earlier ones.
create table prediction (
  prediction_id     integer primary key,
  system_identifier text not null,
  -- The server that this one was copied from, where the user said so.
  moved_from        text,
  address           text,
  server            text not null,
  made_at           bigint not null,
  -- A way of moving, for what arrives; nothing for the clean-up in place.
  way               text,
  gauge             text not null,
  gauge_database    text,
  now_bytes         bigint not null,
  bytes             bigint not null,
  low_bytes         bigint not null,
  high_bytes        bigint not null
);
create index prediction_by_server on prediction (system_identifier, made_at);

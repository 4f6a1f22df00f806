-- Documents: TOAST of every length, full text, JSON; two thirds deleted.
create table documents (id bigint primary key, title text, body text, meta jsonb, words tsvector, tags text[]);
insert into documents
select g, 'Document ' || g,
       (select string_agg(md5((g * 131 + i)::text), '') from generate_series(1, 20 + g % 180) i),
       jsonb_build_object('author', 'u' || g % 300, 'kind', g % 12, 'digest', md5(g::text)),
       to_tsvector('simple', 'w' || g % 50 || ' x' || g % 333 || ' y' || g % 800),
       array['t' || g % 20, 't' || g % 90]
  from generate_series(1, 16000) g;
create index documents_words on documents using gin (words);
create index documents_tags on documents using gin (tags);
create index documents_author on documents ((meta ->> 'author'));
create index documents_title on documents (title);
delete from documents where id % 3 <> 0;

create table pictures (id int primary key, data bytea, taken date);
alter table pictures alter data set storage external;
insert into pictures select g, decode(repeat(md5(g::text), 100 + g % 37), 'hex'), date '2025-01-01' + g % 365
  from generate_series(1, 6000) g;
create index pictures_taken on pictures (taken);
update pictures set data = data || '\x00' where id % 2 = 0;
delete from pictures where id % 5 = 0;

create table short_toast (id int primary key, body text);
alter table short_toast alter body set storage external;
insert into short_toast select g, repeat(md5(g::text), 66 + g % 30) from generate_series(1, 8000) g;
delete from short_toast where id <= 4000;

create table audit_log (id bigserial primary key, at timestamptz default now(), actor text, payload jsonb);
insert into audit_log (actor, payload)
select 'user' || g % 500, jsonb_build_object('a', g, 'b', repeat('v', g % 300), 'c', md5(g::text)) from generate_series(1, 60000) g;
create index audit_log_actor on audit_log (actor, at);
create index audit_log_hash on audit_log using hash (actor);

vacuum;

analyze;

-- The role that pgtend looks with, and nothing more; the role of the standby. They get their passwords in 40-access.sh.
create role pgtend login;
grant pg_monitor to pgtend;
create role replicator login replication;

-- The monitoring role of pgtend and the replication role of the standby. 40-access.sh sets their passwords.
create role pgtend login;
grant pg_monitor to pgtend;
create role replicator login replication;

-- What the nightly check left behind, by the place it looked at: a target's name, or an address.

-- One row a place: when it was last checked, what it counted then, and who is at it now.
create table watched (
  place         text primary key,
  checked_at    bigint,
  counters      text,
  claimed_until bigint not null
);

-- What was found and is not over, or whose end some recipient has not been told yet.
create table finding (
  place      text not null references watched,
  finding_id text not null,
  check_name text not null,
  class      text not null,
  subject    text not null,
  level      text not null,
  message    text not null,
  since      bigint not null,
  primary key (place, finding_id)
);

-- What a recipient knows of a finding.
create table told (
  place      text not null,
  finding_id text not null,
  recipient  text not null,
  told_at    bigint not null,
  level      text not null,
  primary key (place, finding_id, recipient),
  foreign key (place, finding_id) references finding
);

-- What one sample read from inside: asked at every recording, and counted in every list of samples.
create index contents_sample_by_sample on contents_sample (sample_id);

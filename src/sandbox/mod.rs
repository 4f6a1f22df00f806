//! Throwaway Postgres clusters for the demo and the tests.

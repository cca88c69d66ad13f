//! Result tables.

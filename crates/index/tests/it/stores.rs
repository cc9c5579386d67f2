//! Stores that no test can run for real, against servers that know what their vendors publish.

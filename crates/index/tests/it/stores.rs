//! Stores that no test here can run for real, against servers in this process that answer as their vendors'
//! documentation says, and refuse every field that is not in it.
//!
//! They prove that what we send is what is published, and that what we make of the answers passes the same
//! suite as every other store; not that the vendors' servers do as they say.

mod fake;
mod opensearch;
mod pinecone;
mod qdrant;
mod score;

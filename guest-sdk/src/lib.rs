//! The guest SDK of lt-host.

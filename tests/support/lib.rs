//! Peers and harness of the suite.

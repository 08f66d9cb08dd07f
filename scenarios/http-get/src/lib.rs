//! Scenario http-get.

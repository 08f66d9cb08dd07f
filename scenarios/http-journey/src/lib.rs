//! Scenario http-journey.

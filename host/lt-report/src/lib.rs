//! Summaries, files and exporters

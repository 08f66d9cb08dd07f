//! The program: flags, wiring, exit codes

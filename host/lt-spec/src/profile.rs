//! Load shapes as functions of elapsed time.

//! Load shapes: one file each. An executor decides when each user of a core starts; the rest is the same for all.

pub(crate) mod constant_users;

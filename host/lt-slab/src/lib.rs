//! Guest memories and stacks from two large mappings: no kernel mapping per user

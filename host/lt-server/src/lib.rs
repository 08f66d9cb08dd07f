//! A host that takes scenarios over the network, and lets people steer its runs.

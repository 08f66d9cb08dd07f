//! What a scenario is granted of the world outside: which targets it may reach. Nothing else of it leads out, for a scenario has no
//! sockets, no files and no name server of its own.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use lt_net::{Lookup, TargetFilter};
use lt_spec::target::{self, AllowedTargets};

/// The grants of a run. Cheap to clone; by default everything may be reached, as `lt-host run` has it, where the scenario is the user's own.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Which targets may be reached; `None`: all.
    pub targets: Option<Arc<AllowedTargets>>,
}

impl Grants {
    /// What the network of one core asks.
    pub(crate) fn filter(&self) -> Option<Rc<dyn TargetFilter>> {
        let targets = self.targets.clone()?;
        Some(Rc::new(Filter(targets)))
    }
}

struct Filter(Arc<AllowedTargets>);

impl TargetFilter for Filter {
    fn lookup(&self, name: &str, port: Option<u16>) -> Lookup {
        match self.0.lookup(name, port) {
            target::Lookup::Nowhere => Lookup::Nowhere,
            target::Lookup::Local => Lookup::Local,
            target::Lookup::Anywhere => Lookup::Anywhere,
        }
    }

    // An override of the run is whatever its author wrote: that its name is allowed says nothing about the address.
    fn allows_address(&self, _host: &str, address: SocketAddr) -> bool {
        self.0.allows_address(address)
    }

    fn allows_resolved(&self, name: &str, address: SocketAddr) -> bool {
        self.0.allows_resolved(name, address)
    }

    fn allows_unresolved(&self, name: &str, port: u16) -> bool {
        self.0.allows_unresolved(name, port)
    }
}

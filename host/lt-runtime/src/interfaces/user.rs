//! `lt:scenario/user`: who the user is, and what it was told.

use crate::bindings::user::Host;
use crate::interfaces::View;
use crate::trace::traced;

impl Host for View<'_> {
    fn id(&mut self) -> wasmtime::Result<u64> {
        traced!(self, "user.id", (), { Ok(self.0.who.id.0) })
    }

    fn iteration(&mut self) -> wasmtime::Result<u64> {
        traced!(self, "user.iteration", (), { Ok(self.0.iteration) })
    }

    fn role(&mut self) -> wasmtime::Result<String> {
        traced!(self, "user.role", (), {
            Ok(self.0.core().role_name(self.0.who.role).to_owned())
        })
    }

    fn node(&mut self) -> wasmtime::Result<String> {
        traced!(self, "user.node", (), {
            Ok(self.0.core().run.common.spec.node.clone())
        })
    }

    fn seed(&mut self) -> wasmtime::Result<u64> {
        traced!(self, "user.seed", (), { Ok(self.0.who.seed) })
    }

    fn setting(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        traced!(self, "user.setting", (name), {
            Ok(self.0.core().run.settings.value(&name))
        })
    }

    fn settings_revision(&mut self) -> wasmtime::Result<u64> {
        traced!(self, "user.settings-revision", (), {
            Ok(self.0.core().run.settings.revision())
        })
    }

    fn should_stop(&mut self) -> wasmtime::Result<bool> {
        traced!(self, "user.should-stop", (), { Ok(self.0.should_stop()) })
    }

    fn stop_self(&mut self) -> wasmtime::Result<()> {
        traced!(self, "user.stop-self", (), {
            self.0.stop_self = true;
            Ok(())
        })
    }
}

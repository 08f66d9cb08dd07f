//! What this machine has, as far as the program alone must know it; the rest is `lt_run::machine`.

pub(crate) use lt_run::machine::*;
use lt_spec::Machine;
use rustix::termios::tcgetwinsize;

use crate::process::Process;

/// What `lt-spec` must know of the place and the moment.
pub(crate) fn of_run(process: &Process) -> Machine {
    lt_run::machine::of_run(process.random)
}

/// Columns and lines of the terminal on standard error; `None` if it does not tell. People change it while a run goes on.
pub(crate) fn terminal_size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(std::io::stderr()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

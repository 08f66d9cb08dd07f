//! `lt-host man`: the manual, from the same source as the help.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man as Page;

use crate::cli::command;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::process::Process;

/// Print the manual page, or write one page a command
///
/// To read it at once: lt-host man | man -l -
#[derive(Clone, Debug, Args)]
pub(crate) struct Man {
    /// Write lt-host.1 and one page for each command into this directory, instead of printing the first.
    #[arg(long, value_name = "DIR", env = "LT_MAN_DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    /// Print or write.
    pub(crate) fn execute(self, process: &mut Process) -> Result<Exit, CommandError> {
        match self.dir {
            Some(dir) => write_all(&dir).map_err(|error| {
                let message = format!("cannot be written to: {error}");
                CommandError::input(
                    "--dir",
                    dir.display().to_string(),
                    message,
                    "give a directory that you may write to",
                )
            })?,
            None => {
                let mut page = Vec::new();
                Page::new(command()).render(&mut page)?;
                process.print(&String::from_utf8_lossy(&page))?;
            }
        }
        Ok(Exit::Success)
    }
}

fn write_all(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(command(), dir)
}

#[cfg(test)]
mod tests {
    use crate::exit::Exit;
    use crate::process::testing::fake;

    #[test]
    fn the_manual_has_a_page_for_each_command() {
        let dir = std::env::temp_dir().join(format!("lt-host-man-{}", std::process::id()));
        let (mut process, printed) = fake(&["man", "--dir", dir.to_str().unwrap()]);
        assert_eq!(
            crate::main(&mut process),
            Exit::Success,
            "{}",
            printed.stderr.text()
        );
        let page = std::fs::read_to_string(dir.join("lt-host-run.1")).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(
            page.contains("graceful") && page.contains("LT_USERS"),
            "{page}"
        );
        let (mut process, printed) = fake(&["man"]);
        assert_eq!(crate::main(&mut process), Exit::Success);
        assert!(printed.stdout.text().contains(".TH lt-host"));
    }
}

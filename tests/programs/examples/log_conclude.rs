//! Concludes something, also with a secret in it, in `init` and `terminate`, where lines are kept, and in an iteration, where none is.

use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// What nobody may see
    #[setting(secret)]
    word: Option<String>,
}

struct Guest;

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn init(_run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
        match &options.word {
            Some(word) => {
                let line = lt_sdk::json!({ "word": word.clone(), "count": word.len() });
                log::conclude(&line.to_string());
                log::conclude(&format!("the word is {word}"));
            }
            None => log::conclude("begun"),
        }
        Ok(Vec::new())
    }

    fn join(_user: &User, _options: Options, _state: &[u8]) -> Result<Self> {
        Ok(Self)
    }

    fn iterate(&mut self) {
        log::conclude("unheard");
    }

    fn terminate() -> Result<()> {
        log::conclude("{\"sessions\":1,\n\"errors\":{}}");
        Ok(())
    }
}

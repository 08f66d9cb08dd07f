//! Reads the asset `picture`, whole and in parts.

use lt_sdk::data::Error as DataError;
use lt_sdk::metrics::{Counter, Gauge, Unit};
use lt_sdk::prelude::*;

#[derive(Settings)]
struct Options {
    /// Bytes of a part
    #[setting(default = 1000, min = 1)]
    part: u32,
}

struct Guest(Options);

#[lt_sdk::scenario]
impl Scenario for Guest {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        base.asset("picture", "what is shown")
            .optional_asset("caption", "what is said of it")
    }

    fn join(_user: &User, options: Options) -> Result<Self> {
        Ok(Self(options))
    }

    fn iterate(&mut self) -> Result<()> {
        let picture = data::asset("picture")?;
        let whole = picture.read_all()?;
        Gauge::open_unit("picture_size", Unit::Data)?.add(picture.size() as f64)?;
        let sum: u64 = whole.iter().map(|&byte| u64::from(byte)).sum();
        Gauge::open("picture_sum")?.add(sum as f64)?;
        check!(
            "it is as large as it says",
            whole.len() as u64 == picture.size()
        );

        let mut parts = Vec::new();
        loop {
            let part = picture.read(parts.len() as u64, self.0.part)?;
            if part.is_empty() {
                break;
            }
            ensure!(
                part.len() <= self.0.part as usize,
                "more than was asked for"
            );
            parts.extend_from_slice(&part);
        }
        check!("its parts make the whole", parts == whole);
        check!(
            "nothing is behind its end",
            picture.read(u64::MAX, 1)?.is_empty()
        );
        check!(
            "an asset that was not given is an error",
            matches!(data::asset("nothing"), Err(DataError::NoSuch(name)) if name.contains("nothing"))
        );
        match data::asset("caption") {
            Ok(caption) => {
                let length = u32::try_from(caption.read_text()?.chars().count())?;
                Counter::open("caption_letters")?.add(length)?;
            }
            Err(DataError::NoSuch(_)) => Counter::open("without_caption")?.add(1)?,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

//! Writing single samples as they come.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lt_metrics::{Metric, Registry, Sample};

/// An output that writes every sample. Lives on the thread that writes; ends with [`SampleWriter::finish`], and what it
/// wrote before is whole lines even if the process dies.
pub trait SampleWriter {
    /// Say what a metric is, before its first sample. Further calls for the same metric do nothing.
    ///
    /// # Errors
    /// What the writer underneath says.
    fn metric(&mut self, metric: &Metric) -> io::Result<()>;

    /// Write samples, with their metrics before them where that was not done yet.
    ///
    /// # Errors
    /// What the writer underneath says.
    fn write(&mut self, samples: &[Sample], registry: &Registry) -> io::Result<()>;

    /// Flush and end.
    ///
    /// # Errors
    /// What the writer underneath says.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// The wall clock's nanoseconds since 1970 as RFC 3339 in UTC, without trailing zeros (Go's `RFC3339Nano`).
pub(crate) fn rfc3339_nano(unix_ns: i64) -> String {
    let time = system_time(unix_ns);
    let text = humantime::format_rfc3339_nanos(time).to_string();
    // There are always nine digits after the point, so the zeros end at the point at the latest.
    let short = text.trim_end_matches('Z').trim_end_matches('0');
    format!("{}Z", short.strip_suffix('.').unwrap_or(short))
}

/// As a `SystemTime`; times before 1970 become 1970.
pub(crate) fn system_time(unix_ns: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(u64::try_from(unix_ns).unwrap_or(0))
}

#[cfg(test)]
pub(crate) mod testing {
    use std::io;
    use std::sync::{Arc, Mutex};

    use lt_metrics::builtin::{DATA_SENT, HTTP_REQ_DURATION};
    use lt_metrics::{Sample, Tags};

    /// A writer whose bytes can be read after it was given away.
    #[derive(Clone, Default)]
    pub(crate) struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Two requests and some bytes.
    pub(crate) fn some() -> Vec<Sample> {
        let tags = |pairs: &[(&str, &str)]| Arc::new(Tags::new(pairs.iter().copied()));
        let ok = tags(&[
            ("expected_response", "true"),
            ("method", "GET"),
            ("name", "http://127.0.0.1/a,b"),
            ("scenario", "shop"),
            ("status", "200"),
            ("node", "one"),
        ]);
        let failed = tags(&[
            ("error", "connection refused"),
            ("error_code", "1212"),
            ("group", "::a \"quoted\" group"),
        ]);
        let at = 1_614_173_830_000_000_000;
        vec![
            Sample {
                metric: HTTP_REQ_DURATION,
                tags: ok,
                value: 459.86,
                time_unix_ns: at,
            },
            Sample {
                metric: HTTP_REQ_DURATION,
                tags: failed,
                value: 1.0,
                time_unix_ns: at + 120_000_000,
            },
            Sample {
                metric: DATA_SENT,
                tags: tags(&[]),
                value: 318.0,
                time_unix_ns: at + 10_000_000_007,
            },
        ]
    }

    #[test]
    fn times_have_no_trailing_zeros() {
        assert_eq!(
            super::rfc3339_nano(1_614_173_830_000_000_000),
            "2021-02-24T13:37:10Z"
        );
        assert_eq!(
            super::rfc3339_nano(1_614_173_830_120_000_000),
            "2021-02-24T13:37:10.12Z"
        );
        assert_eq!(
            super::rfc3339_nano(1_614_173_820_000_000_007),
            "2021-02-24T13:37:00.000000007Z"
        );
        assert_eq!(super::rfc3339_nano(-5), "1970-01-01T00:00:00Z");
    }
}

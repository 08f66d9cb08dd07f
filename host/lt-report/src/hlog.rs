//! The distributions of every interval (`metrics.hlog`): HdrHistogram's interval log, version 2 compressed, which its
//! tools in any language read and merge without loss.

use std::io::{self, Write};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use lt_metrics::{Kind, Sink, Totals};

use crate::samples::rfc3339_nano;

/// Histograms hold nanoseconds, and millionths of what is not a time; the log's maximum column is in whole units.
const MAX_DIVISOR: f64 = 1e6;

/// See the module: a line a trend and interval, tagged with the metric's name.
pub struct HlogWriter<W> {
    writer: W,
    serializer: V2DeflateSerializer,
    encoded: Vec<u8>,
}

impl<W: Write> HlogWriter<W> {
    /// A log over any writer. Intervals are told relative to `start`, nanoseconds since 1970. Writes the head at once.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(mut writer: W, start_unix_ns: i64) -> io::Result<Self> {
        let seconds = start_unix_ns as f64 / 1e9;
        let date = rfc3339_nano(start_unix_ns);
        writeln!(writer, "#[Histogram log format version 1.3]")?;
        writeln!(
            writer,
            "#Times in nanoseconds, other trends in millionths; the column of maxima in milliseconds and ones."
        )?;
        writeln!(
            writer,
            "#[StartTime: {seconds:.3} (seconds since epoch), {date}]"
        )?;
        writeln!(writer, "#[BaseTime: {seconds:.3} (seconds since epoch)]")?;
        writer.flush()?;
        Ok(Self {
            writer,
            serializer: V2DeflateSerializer::new(),
            encoded: Vec::new(),
        })
    }

    /// Write the trends of one interval that began at `start` of the run and was this long, and flush, so that the log
    /// of a run that crashed is whole up to its last interval.
    ///
    /// # Errors
    /// What the writer says.
    pub fn interval(
        &mut self,
        interval: &Totals,
        start: Duration,
        length: Duration,
    ) -> io::Result<()> {
        for metric in interval
            .registry()
            .all()
            .iter()
            .filter(|metric| metric.kind == Kind::Trend)
        {
            let Some(Sink::Trend(trend)) = interval.sink(metric.id) else {
                continue;
            };
            let Some(buckets) = trend.buckets() else {
                continue;
            };
            self.encoded.clear();
            self.serializer
                .serialize(buckets, &mut self.encoded)
                .map_err(io::Error::other)?;
            let line = format!(
                "Tag={},{:.3},{:.3},{:.3},{}\n",
                metric.name,
                start.as_secs_f64(),
                length.as_secs_f64(),
                buckets.max() as f64 / MAX_DIVISOR,
                STANDARD.encode(&self.encoded),
            );
            self.writer.write_all(line.as_bytes())?;
        }
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use lt_metrics::builtin::{HTTP_REQ_DURATION, HTTP_REQS, ITERATION_DURATION};
    use lt_metrics::{Registry, SubmetricPlan};

    use super::*;

    #[test]
    fn the_log_reads_back_and_merges_to_the_whole() {
        let registry = Arc::new(Registry::new());
        let plan = Arc::new(SubmetricPlan::new(&registry, &[]).unwrap());
        let mut interval = Totals::new(registry, plan);
        let mut bytes = Vec::new();
        let mut log = HlogWriter::new(&mut bytes, 1_614_173_830_500_000_000).unwrap();
        for second in 0..3_u64 {
            interval.clear();
            interval.record(HTTP_REQS, 1.0);
            for step in 1..=100_u64 {
                interval.record(HTTP_REQ_DURATION, (second * 100 + step) as f64);
            }
            if second == 2 {
                interval.record(ITERATION_DURATION, 5.0);
            }
            log.interval(
                &interval,
                Duration::from_secs(second),
                Duration::from_secs(1),
            )
            .unwrap();
        }
        let mut merged: Histogram<u64> = Histogram::new(3).unwrap();
        let mut tags = Vec::new();
        for entry in IntervalLogIterator::new(&bytes) {
            match entry.unwrap() {
                LogEntry::StartTime(at) | LogEntry::BaseTime(at) => {
                    assert_eq!(at, Duration::from_millis(1_614_173_830_500))
                }
                LogEntry::Interval(line) => {
                    let tag = line.tag().unwrap().as_str().to_owned();
                    let decoded = STANDARD.decode(line.encoded_histogram()).unwrap();
                    let histogram: Histogram<u64> = Deserializer::new()
                        .deserialize(&mut decoded.as_slice())
                        .unwrap();
                    if tag == "http_req_duration" {
                        assert_eq!(line.duration(), Duration::from_secs(1));
                        let second = line.start_timestamp().as_secs() + 1;
                        assert!((line.max() - (second * 100) as f64).abs() < 0.3);
                        merged.add(histogram).unwrap();
                    }
                    tags.push(tag);
                }
            }
        }
        assert_eq!(
            tags,
            [
                "http_req_duration",
                "http_req_duration",
                "iteration_duration",
                "http_req_duration"
            ]
        );
        assert_eq!(merged.len(), 300);
        let median_ms = merged.value_at_quantile(0.5) as f64 / 1e6;
        assert!((median_ms - 150.0).abs() < 0.3, "{median_ms}");
    }
}

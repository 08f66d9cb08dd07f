//! Every sample as a row, in k6's layout (`--out csv=`).

use std::io::{self, Write};

use lt_metrics::{Metric, Registry, Sample};

use crate::samples::SampleWriter;

/// Tags with a column of their own, as k6 orders them; all others share the last column.
const TAG_COLUMNS: [&str; 12] = [
    "check",
    "error",
    "error_code",
    "group",
    "method",
    "name",
    "proto",
    "scenario",
    "status",
    "subproto",
    "tls_version",
    "url",
];
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// See the module: `metric_name,timestamp,metric_value`, a column a tag, and `extra_tags` as `name=value&…`. The
/// timestamp is in whole seconds since 1970, k6's default.
pub struct SamplesCsv<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> SamplesCsv<W> {
    /// An output over any writer. Writes the header at once.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(writer: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(writer);
        let first = ["metric_name", "timestamp", "metric_value"];
        writer.write_record(first.into_iter().chain(TAG_COLUMNS).chain(["extra_tags"]))?;
        writer.flush()?;
        Ok(Self { writer })
    }
}

impl<W: Write> SampleWriter for SamplesCsv<W> {
    /// Rows name their metric, and that is all this layout says of it.
    fn metric(&mut self, _: &Metric) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, samples: &[Sample], registry: &Registry) -> io::Result<()> {
        let metrics = registry.all();
        for sample in samples {
            let Some(metric) = metrics.get(sample.metric.index()) else {
                continue;
            };
            self.writer.write_field(metric.name.as_ref())?;
            self.writer
                .write_field((sample.time_unix_ns / NANOS_PER_SECOND).to_string())?;
            self.writer.write_field(format!("{:.6}", sample.value))?;
            for column in TAG_COLUMNS {
                self.writer
                    .write_field(sample.tags.get(column).unwrap_or_default())?;
            }
            let extra: Vec<String> = sample
                .tags
                .iter()
                .filter(|(name, _)| !TAG_COLUMNS.contains(name))
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            self.writer.write_field(extra.join("&"))?;
            self.writer.write_record(None::<&[u8]>)?;
        }
        self.writer.flush()
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::testing::{Shared, some};

    #[test]
    fn rows_are_in_k6s_layout() {
        let shared = Shared::default();
        let mut writer = Box::new(SamplesCsv::new(shared.clone()).unwrap());
        writer.write(&some(), &Registry::new()).unwrap();
        writer.finish().unwrap();
        let want = "\
metric_name,timestamp,metric_value,check,error,error_code,group,method,name,proto,scenario,status,subproto,tls_version,url,extra_tags
http_req_duration,1614173830,459.860000,,,,,GET,\"http://127.0.0.1/a,b\",,shop,200,,,,expected_response=true&node=one
http_req_duration,1614173830,1.000000,,connection refused,1212,\"::a \"\"quoted\"\" group\",,,,,,,,,
data_sent,1614173840,318.000000,,,,,,,,,,,,,
";
        assert_eq!(shared.text(), want);
    }
}

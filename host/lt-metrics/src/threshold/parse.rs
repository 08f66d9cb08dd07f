//! Reading a threshold: the grammar is in the doc of the module above.

use std::str::FromStr;
use std::time::Duration;

use super::{Aggregate, Operator, Threshold, ThresholdError};
use crate::sample::Tags;

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(source: &str) -> Result<Self, Self::Err> {
        parse(source).map_err(|(rest, problem)| {
            let byte = source.len().saturating_sub(rest);
            let at = source
                .get(..byte)
                .map_or(byte, |before| before.chars().count())
                + 1;
            ThresholdError::Syntax {
                threshold: source.to_owned(),
                at,
                problem,
            }
        })
    }
}

/// What is wrong, and how many bytes were left where it was found.
type Problem = (usize, String);

const EXAMPLE: &str = "write it like http_req_duration:p(95)<200";
const AGGREGATES: &str = "count, rate, value, avg, min, max, med or p(N)";

fn parse(source: &str) -> Result<Threshold, Problem> {
    let (target, right) = split_target(source)?;
    let (metric, tags) = parse_target(target, source.len())?;
    let mut parts = right.splitn(2, ';');
    let expression = parts.next().unwrap_or_default();
    let abort_on_fail = match parts.next() {
        Some(suffix) => Some(parse_abort(suffix)?),
        None => None,
    };
    // Places in the expression count from its own end, since a suffix may follow it.
    let after = right.len() - expression.len();
    let (aggregate, operator, bound) =
        parse_expression(expression).map_err(|(rest, problem)| (rest + after, problem))?;
    Ok(Threshold {
        source: source.to_owned(),
        metric: metric.to_owned(),
        tags,
        aggregate,
        operator,
        bound,
        abort_on_fail,
        expression: expression.trim().to_owned(),
    })
}

/// The metric with its tags, and what follows the colon after it. Tag values may hold colons; expressions hold no brace.
fn split_target(source: &str) -> Result<(&str, &str), Problem> {
    let brace = source
        .find('{')
        .filter(|brace| source.find(':').is_none_or(|colon| *brace < colon));
    let end = match brace {
        Some(brace) => match source.rfind('}') {
            Some(close) => close + 1,
            None => {
                return Err((
                    source.len() - brace,
                    "the brace is not closed; add } after the last tag".to_owned(),
                ));
            }
        },
        None => 0,
    };
    let after = source.get(end..).unwrap_or_default();
    let Some(colon) = after.find(':') else {
        return Err((0, format!("no expression; {EXAMPLE}")));
    };
    let between = after.get(..colon).unwrap_or_default();
    if brace.is_some() && !between.trim().is_empty() {
        return Err((after.len(), "expected a colon after the tags".to_owned()));
    }
    Ok((
        source.get(..end + colon).unwrap_or_default(),
        after.get(colon + 1..).unwrap_or_default(),
    ))
}

fn parse_target(target: &str, source_len: usize) -> Result<(&str, Tags), Problem> {
    let (metric, selector) = match target.split_once('{') {
        Some((metric, rest)) => (metric, Some(rest.trim_end().trim_end_matches('}'))),
        None => (target, None),
    };
    let metric = metric.trim();
    if metric.is_empty() {
        return Err((source_len, format!("no metric; {EXAMPLE}")));
    }
    let Some(selector) = selector else {
        return Ok((metric, Tags::default()));
    };
    let mut pairs = Vec::new();
    for part in selector.split(',').filter(|part| !part.trim().is_empty()) {
        let (name, value) = part.split_once(':').unwrap_or((part, ""));
        pairs.push((unquoted(name), unquoted(value)));
    }
    if pairs.is_empty() {
        let brace = target.find('{').unwrap_or_default();
        return Err((
            source_len - brace,
            "no tag between the braces; write {tag:value}, or leave the braces out".to_owned(),
        ));
    }
    Ok((metric, Tags::new(pairs)))
}

/// k6 allows quotes around names and values of tags.
fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

fn parse_expression(text: &str) -> Result<(Aggregate, Operator, f64), Problem> {
    if text.trim().is_empty() {
        return Err((text.len(), format!("no expression; {EXAMPLE}")));
    }
    let Some(at) = text.find(['<', '>', '=', '!']) else {
        return Err((0, "no comparison; use <, <=, >, >=, == or !=".to_owned()));
    };
    let (left, right) = text.split_at(at);
    let aggregate = parse_aggregate(left).map_err(|problem| (text.trim_start().len(), problem))?;
    let known = Operator::SPELLINGS
        .iter()
        .find_map(|(spelling, operator)| Some((*operator, right.strip_prefix(spelling)?)));
    let Some((operator, bound)) = known else {
        return Err((
            right.len(),
            "not a comparison; use <, <=, >, >=, == or !=".to_owned(),
        ));
    };
    if bound.contains("&&") || bound.contains("||") {
        return Err((
            bound.len(),
            "one comparison only; give several thresholds instead".to_owned(),
        ));
    }
    match bound.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((aggregate, operator, number)),
        _ => {
            let hint =
                "a number without a unit is needed (milliseconds for times, 0 to 1 for rates)";
            Err((
                bound.trim_start().len(),
                format!("\"{}\" is not a number; {hint}", bound.trim()),
            ))
        }
    }
}

fn parse_aggregate(text: &str) -> Result<Aggregate, String> {
    let text = text.trim();
    let simple = match text {
        "count" => Some(Aggregate::Count),
        "rate" => Some(Aggregate::Rate),
        "value" => Some(Aggregate::Value),
        "avg" => Some(Aggregate::Avg),
        "min" => Some(Aggregate::Min),
        "max" => Some(Aggregate::Max),
        "med" => Some(Aggregate::Med),
        _ => None,
    };
    if let Some(simple) = simple {
        return Ok(simple);
    }
    let Some(number) = text
        .strip_prefix("p(")
        .and_then(|rest| rest.strip_suffix(')'))
    else {
        return Err(format!("\"{text}\" is not an aggregate; use {AGGREGATES}"));
    };
    match number.trim().parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Aggregate::Percentile(percent)),
        _ => Err(format!(
            "p({number}) is not a percentile; N must be a number from 0 to 100"
        )),
    }
}

fn parse_abort(suffix: &str) -> Result<Duration, Problem> {
    let problem = |hint: &str| {
        (
            suffix.len(),
            format!("\";{suffix}\" is not understood; {hint}"),
        )
    };
    match suffix.trim().split_once('=') {
        None if suffix.trim() == "abort" => Ok(Duration::ZERO),
        Some((name, delay)) if name.trim() == "abort" => humantime::parse_duration(delay.trim())
            .map_err(|_| problem("the delay is written like 10s or 1m30s")),
        _ => Err(problem(
            "only ;abort or ;abort=10s may follow the expression",
        )),
    }
}

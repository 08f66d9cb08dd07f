//! The rows, one file a kind.

mod arrivals;
mod curves;
mod joining;
mod latency;
mod memory;
mod pairs;
mod rtmp;
mod sockets;
mod speed;
mod start;
mod swap;
mod wakes;
mod xmpp;

use crate::nginx::Nginx;
use crate::plan::Plan;
use crate::table::Table;

/// Measure all that is wanted. One row after another: they would disturb each other.
pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let nginx = Nginx::start();
    if plan.wants("speed") {
        speed::measure(plan, &nginx, table);
    }
    if plan.wants("latency") {
        latency::measure(plan, &nginx, table);
    }
    if plan.wants("sleepers") {
        memory::sleepers(plan, table);
    }
    if plan.wants("connections") {
        memory::connections(plan, &nginx, table);
    }
    if plan.wants("tls") {
        memory::tls_connections(plan, &nginx, table);
    }
    if plan.wants("joining") {
        joining::measure(plan, table);
    }
    if plan.wants("start") {
        start::measure(plan, table);
    }
    if plan.wants("arrivals") {
        arrivals::measure(plan, table);
    }
    if plan.wants("wakes") {
        wakes::measure(plan, table);
    }
    if plan.wants("pairs") {
        pairs::measure(plan, table);
    }
    if plan.wants("sockets") {
        sockets::idle(plan, table);
    }
    if plan.wants("echo") {
        sockets::echo(plan, table);
    }
    if plan.wants("fan-out") {
        sockets::fan_out(plan, table);
    }
    if plan.wants("xmpp-idle") {
        xmpp::idle(plan, table);
    }
    if plan.wants("xmpp-login") {
        xmpp::login(plan, table);
    }
    if plan.wants("xmpp-messages") {
        xmpp::messages(plan, table);
    }
    if plan.wants("rtmp-players") {
        rtmp::players(plan, table);
    }
    if plan.wants("rtmp-memory") {
        rtmp::memory(plan, table);
    }
    if plan.wants("rtmp-publishers") {
        rtmp::publishers(plan, table);
    }
    if plan.wants("swap") {
        swap::measure(plan, &nginx, table);
    }
    if plan.wants("curves") {
        curves::measure(plan, table);
    }
}

/// The middle of some figures.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let count = figures.len();
    match count {
        0 => f64::NAN,
        _ if count % 2 == 1 => figures[count / 2],
        _ => f64::midpoint(figures[count / 2 - 1], figures[count / 2]),
    }
}

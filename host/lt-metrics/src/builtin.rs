//! Every built-in metric: the reporting contract in one table. Names, kinds and units are k6's where k6 has the metric.

use crate::sample::{Kind, MetricId, Unit};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its constant id.
    pub id: MetricId,
    /// Name.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Unit.
    pub unit: Unit,
    /// One line for people.
    pub doc: &'static str,
}

macro_rules! builtins {
    ($($constant:ident $name:literal $kind:ident $unit:ident $doc:literal)*) => {
        /// Positions in the table, so that the ids below count themselves.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "named like the constants they number")]
        enum Position { $($constant),* }
        $(#[doc = $doc] pub const $constant: MetricId = MetricId(Position::$constant as u16);)*
        /// All built-in metrics, in the order of their ids.
        pub const BUILTINS: &[Builtin] = &[
            $(Builtin { id: $constant, name: $name, kind: Kind::$kind, unit: Unit::$unit, doc: $doc },)*
        ];
    };
}

builtins! {
    ITERATIONS "iterations" Counter None "Iterations that ended, whether well or not."
    DROPPED_ITERATIONS "dropped_iterations" Counter None "Iterations that the load asked for and no user was free to start."
    ITERATION_DURATION "iteration_duration" Trend Time "From an iteration's actual start to its end."
    ITERATION_DURATION_INTENDED "iteration_duration_intended" Trend Time "From an iteration's intended start to its end: counts the time it waited to begin."
    START_LAG "start_lag" Trend Time "How much later than intended an iteration started: the generator's lag, not the target's."
    VUS "vus" Gauge None "Users that are running."
    VUS_MAX "vus_max" Gauge None "Users that were allocated."
    USER_FAILURES "user_failures" Counter None "Iterations and users that failed, by the tag `class`."
    CHECKS "checks" Rate None "Checks that held."
    GROUP_DURATION "group_duration" Trend Time "From a group's start to its end, by the tag `group`."
    DATA_SENT "data_sent" Counter Data "Bytes written to connections."
    DATA_RECEIVED "data_received" Counter Data "Bytes read from connections."
    HTTP_REQS "http_reqs" Counter None "HTTP requests that ended, whether answered or not; each redirect is one."
    HTTP_REQ_FAILED "http_req_failed" Rate None "Requests without a response, or with a status that was not expected."
    HTTP_REQ_DURATION "http_req_duration" Trend Time "Sending, waiting and receiving of a request."
    HTTP_REQ_BLOCKED "http_req_blocked" Trend Time "Waiting for a connection, or a place on one, before anything was done."
    HTTP_REQ_RESOLVING "http_req_resolving" Trend Time "Resolving the name (not in k6, which counts it as blocked)."
    HTTP_REQ_CONNECTING "http_req_connecting" Trend Time "TCP handshake; zero on a reused connection."
    HTTP_REQ_TLS_HANDSHAKING "http_req_tls_handshaking" Trend Time "TLS handshake; zero on a reused connection."
    HTTP_REQ_SENDING "http_req_sending" Trend Time "Writing the request."
    HTTP_REQ_WAITING "http_req_waiting" Trend Time "From the request's last byte to the response's first."
    HTTP_REQ_RECEIVING "http_req_receiving" Trend Time "From the response's first byte to its last."
    HTTP_CONNECTIONS "http_connections" Counter None "Connections opened for HTTP."
    WS_CONNECTING "ws_connecting" Trend Time "From the call that connects a WebSocket to the open connection, or to why there is none."
    WS_CONNECT_FAILED "ws_connect_failed" Rate None "WebSocket connects that came to no open connection."
    WS_SESSIONS "ws_sessions" Counter None "WebSockets that were opened."
    WS_SESSION_DURATION "ws_session_duration" Trend Time "From a WebSocket's opening to its end, by the tags `close_code` and `ending`."
    WS_CLOSES "ws_closes" Counter None "WebSockets that ended, by the tags `close_code` and `ending`."
    WS_SESSION_FAILED "ws_session_failed" Rate None "WebSockets that ended otherwise than by a close frame of either side."
    WS_MSGS_SENT "ws_msgs_sent" Counter None "WebSocket messages handed to the kernel."
    WS_MSGS_RECEIVED "ws_msgs_received" Counter None "WebSocket messages that came, kept or not."
    WS_MSGS_DROPPED "ws_msgs_dropped" Counter None "WebSocket messages that were lost because an inbox was full."
    WS_MSGS_MATCHED "ws_msgs_matched" Counter None "WebSocket messages that a watch matched, by the tag `watch`."
    WS_PING "ws_ping" Trend Time "From a WebSocket ping to its pong."
    WS_INBOX_DEPTH "ws_inbox_depth" Trend None "Messages in a WebSocket's inbox each time one was put there."
    XMPP_CONNECTING "xmpp_connecting" Trend Time "From the call that connects an XMPP session to its last step's end, or to why there is none; of one step under its tag `step`."
    XMPP_CONNECT_FAILED "xmpp_connect_failed" Rate None "XMPP connects that came to no session."
    XMPP_SESSIONS "xmpp_sessions" Counter None "XMPP sessions that were opened."
    XMPP_SESSION_DURATION "xmpp_session_duration" Trend Time "From an XMPP session's opening to its end, by the tag `ending`."
    XMPP_SESSION_FAILED "xmpp_session_failed" Rate None "XMPP sessions that ended otherwise than by either side's will."
    XMPP_STANZAS_SENT "xmpp_stanzas_sent" Counter None "Stanzas handed to the kernel, by the tag `kind`."
    XMPP_STANZAS_RECEIVED "xmpp_stanzas_received" Counter None "Stanzas that came, kept or not, by the tag `kind`."
    XMPP_STANZAS_DROPPED "xmpp_stanzas_dropped" Counter None "Stanzas that were lost because an inbox was full."
    XMPP_STANZAS_MATCHED "xmpp_stanzas_matched" Counter None "Stanzas that a watch matched, by the tag `watch`."
    XMPP_REQUEST_DURATION "xmpp_request_duration" Trend Time "From an `iq` request to its answer, by the tag `namespace` of its payload."
    XMPP_REQUEST_FAILED "xmpp_request_failed" Rate None "Requests answered with an error, or not in time."
    XMPP_MESSAGE_DELIVERY "xmpp_message_delivery" Trend Time "From sending to receiving of a stanza, by a stamp or an id in it; delayed ones left out."
    XMPP_ERRORS "xmpp_errors" Counter None "Stream, SASL and stanza errors that came or were made here, by the tag `condition`."
    XMPP_UNEXPECTED "xmpp_unexpected" Counter None "What came and nobody wanted, by the tag `kind`."
    RTMP_CONNECTING "rtmp_connecting" Trend Time "From the call that connects over RTMP to the server's yes, or to why there is none."
    RTMP_CONNECT_FAILED "rtmp_connect_failed" Rate None "RTMP connects that came to no connection."
    RTMP_HANDSHAKE "rtmp_handshake" Trend Time "From C0 to S2 of the RTMP handshake."
    RTMP_CONNECTIONS "rtmp_connections" Counter None "RTMP connections that were opened."
    RTMP_STARTING "rtmp_starting" Trend Time "From the command that publishes or plays a stream to the server's yes, or to why there is none, by the tag `direction`."
    RTMP_STREAM_FAILED "rtmp_stream_failed" Rate None "Streams that did not start, or ended otherwise than by either side's will, by the tag `direction`."
    RTMP_STREAM_DURATION "rtmp_stream_duration" Trend Time "From a stream's start to its end, by the tags `direction` and `ending`."
    RTMP_STREAMS "rtmp_streams" Gauge None "Streams now, by the tag `state`: asked, publishing, playing, lagged, stalled, failed."
    RTMP_FIRST_BYTE "rtmp_first_byte" Trend Time "From the play command to the first byte of media."
    RTMP_FIRST_FRAME "rtmp_first_frame" Trend Time "From the play command to the first whole frame."
    RTMP_FIRST_KEY_FRAME "rtmp_first_key_frame" Trend Time "From the play command to the first whole key frame."
    RTMP_STALLS "rtmp_stalls" Counter None "Stalls that began: no media came for half a second, unless the scenario says otherwise."
    RTMP_STALL_DURATION "rtmp_stall_duration" Trend Time "From the last media before a stall to the first after it, or to the stream's end."
    RTMP_LAG "rtmp_lag" Trend Time "How far media time is behind elapsed time: each second of each player, and at the end of each stall."
    RTMP_END_TO_END_LAG "rtmp_end_to_end_lag" Trend Time "From a publisher's sending to a player's receipt, where both are users of the run."
    RTMP_BITRATE "rtmp_bitrate" Trend None "Media that a player received in a second, in kbit/s: each second of each player."
    RTMP_DISCONTINUITIES "rtmp_discontinuities" Counter None "Jumps of a stream's time stamps."
    RTMP_FRAMES_SENT "rtmp_frames_sent" Counter None "Frames and data messages handed to the kernel, by the tag `kind`."
    RTMP_FRAMES_RECEIVED "rtmp_frames_received" Counter None "Frames and data messages that came, by the tag `kind`."
    RTMP_FRAMES_DROPPED "rtmp_frames_dropped" Counter None "Frames that were lost because an inbox was full."
    RTMP_PACING_ERROR "rtmp_pacing_error" Trend Time "How much later than its time a frame of an asset was handed to the kernel."
    RTMP_BYTES_SENT "rtmp_bytes_sent" Counter Data "Bytes of media and data handed to the kernel."
    RTMP_BYTES_RECEIVED "rtmp_bytes_received" Counter Data "Bytes of media and data that came."
    RTMP_ERRORS "rtmp_errors" Counter None "Errors that a server said of a connection or a stream, by the tag `code`."
    SAMPLES_DROPPED "samples_dropped" Counter None "Samples that an output could not take in time; sums and percentiles still hold them."
    THROTTLE_WAIT "throttle_wait" Trend Time "Waiting for a throttle's turn, by the tag `throttle`."
    MEETING_WAIT "meeting_wait" Trend Time "Waiting for a meeting to be complete, by the tag `meeting`."
    DELIVERY_SENT "delivery_sent" Counter None "Deliveries that were expected: one for each recipient of what was marked as sent."
    DELIVERY_RECEIVED "delivery_received" Counter None "Deliveries that came."
    DELIVERY_TIME "delivery_time" Trend Time "From sending to receiving."
    DELIVERY_LOST "delivery_lost" Counter None "Deliveries that did not come within the delivery timeout, or by the end of the run."
    DELIVERY_DUPLICATES "delivery_duplicates" Counter None "Receipts by a user that had it already, or by more users than were to have it."
    DELIVERY_EXCUSED "delivery_excused" Counter None "Deliveries that nobody expects any more, because the recipient left before they came."
    DELIVERY_UNMATCHED "delivery_unmatched" Counter None "Receipts of what nobody marked as sent."
    STEADY_USERS "steady_users" Gauge None "Users for which the scenario's steady condition holds."
    GENERATOR_CPU "generator_cpu" Gauge None "Share of the processors it may use that this process used in the last second: 1 is all."
    GENERATOR_MISSED_WAKES "generator_missed_wakes" Counter None "Times that a core of the generator woke more than 20 ms after it should have."
    GENERATOR_DESCRIPTORS "generator_descriptors" Gauge None "Share of the descriptors it may open that this process has open: 1 is all."
    LOG_LINES_DROPPED "log_lines_dropped" Counter None "Log lines over a user's cap."
}

/// Columns, rows and thresholds name times in milliseconds; inside they are nanoseconds.
pub const NANOS_PER_MS: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_positions_and_names_are_valid_and_unique() {
        for (position, builtin) in BUILTINS.iter().enumerate() {
            assert_eq!(builtin.id.index(), position, "{}", builtin.name);
            assert!(crate::is_valid_name(builtin.name), "{}", builtin.name);
            assert!(
                BUILTINS
                    .iter()
                    .filter(|other| other.name == builtin.name)
                    .count()
                    == 1,
                "{}",
                builtin.name
            );
        }
        assert_eq!(
            BUILTINS[HTTP_REQ_DURATION.index()].name,
            "http_req_duration"
        );
        // The submetric mask of a tag set gives each built-in a bit of its own.
        assert!(BUILTINS.len() <= 128);
    }
}

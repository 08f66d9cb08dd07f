//! Every bound in the product: one constant each, with the reason for its number.

use std::time::Duration;

/// Linear memory of one user, unless `--memory-limit` says otherwise. Sixteen mebibytes hold any Rust scenario with room; only touched pages
/// cost, so the number is bounded by address space: 16 MiB × 1 000 000 users = 16 TiB of the 128 TiB there are.
pub const USER_MEMORY_BYTES_MAX: usize = 16 << 20;
/// CPU a user may burn between two waiting host calls. A second is a thousand times what an iteration of a
/// load test needs and short enough that a looping user is ended while someone watches.
pub const USER_CPU_MAX: Duration = Duration::from_secs(1);
/// How often the epoch ticks: a runaway user delays its neighbours on the same core by at most two ticks.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);
/// Resources (responses, pending requests, metrics) one user may hold. k6 scripts hold a handful; a thousand means a leak.
pub const USER_HANDLES_MAX: usize = 1024;
/// Requests one user may have under way: `batch` sends 20 (k6's number); five batches.
pub const USER_REQUESTS_MAX: usize = 100;
/// Requests of one batch under way at a time (k6's `batch`).
pub const BATCH_MAX: usize = 20;
/// Requests of one batch under way to one host at a time (k6's `batchPerHost`).
pub const BATCH_PER_HOST_MAX: usize = 6;
/// Time `describe` may take: it only builds a record.
pub const DESCRIBE_DEADLINE: Duration = Duration::from_secs(5);
/// Time `init` may take (k6's `setupTimeout`).
pub const INIT_DEADLINE: Duration = Duration::from_secs(60);
/// Time `terminate` may take (k6's `teardownTimeout`).
pub const TERMINATE_DEADLINE: Duration = Duration::from_secs(60);
/// Time a user may take for `leave` when the run ends.
pub const LEAVE_DEADLINE: Duration = Duration::from_secs(5);
/// How long iterations under way may take after the end (k6's `gracefulStop`).
pub const GRACEFUL_STOP: Duration = Duration::from_secs(30);
/// Most users of one process: bounds the address space of the slabs (16 MiB each, 16 TiB in all).
pub const USERS_MAX: u64 = 1_000_000;
/// Memory one user needs at least: measured 42 KB, asleep and without a connection. Used to say how many users fit.
pub const USER_FOOTPRINT_BYTES: u64 = 42_000;
/// Log lines of one user kept a second; the rest is counted. Ten a second of 100 000 users is already a million.
pub const USER_LOG_LINES_PER_SECOND: u32 = 10;
/// Bytes kept of one log line.
pub const LOG_LINE_BYTES_MAX: usize = 4096;
/// Bytes that cross from guest to host in one call: bounds what a hostile guest makes the host allocate.
pub const HOSTCALL_BYTES_MAX: usize = 32 << 20;
/// A scenario file larger than this is refused: Rust scenarios are 50 KB to 2 MB, Python's are 18 MB.
pub const SCENARIO_BYTES_MAX: u64 = 64 << 20;
/// Groups open at a time for one user; k6 journeys nest three or four.
pub const GROUP_DEPTH_MAX: usize = 16;
/// How long a user rests after its store was lost to a trap, so that a scenario that always traps cannot eat a core.
pub const REBUILD_PAUSE: Duration = Duration::from_millis(100);
/// How long a user that is to have another version by now may stay in `join` of the one it has: logins under way are let end, and
/// one that hangs cannot keep a version from being rolled back.
pub const JOIN_PATIENCE: Duration = Duration::from_secs(5);
/// A user that is in `join` for longer counts as failed where a version is judged: logins of thousands at once take some seconds.
pub const JOIN_OVERDUE: Duration = Duration::from_secs(30);
/// Largest linear memory `--memory-limit` may grant one user: the address space of a 32-bit guest.
pub const USER_MEMORY_BYTES_GRANT_MAX: usize = 4 << 30;
/// Smallest linear memory `--memory-limit` may set: a Rust guest's stack and data alone take 1.1 MB, so with less no Rust
/// scenario can even describe itself.
pub const USER_MEMORY_BYTES_MIN: usize = 2 << 20;
/// A page of linear memory, by which it grows: a limit that is no multiple of it is rounded up to one.
pub const WASM_PAGE_BYTES: usize = 64 << 10;
/// Smallest CPU budget: two epoch ticks, since a user's time is only looked at when the epoch ticks.
pub const USER_CPU_MIN: Duration = Duration::from_millis(20);
/// Largest CPU budget: a user that computes for an hour without waiting is no load test.
pub const USER_CPU_GRANT_MAX: Duration = Duration::from_secs(3600);
/// Largest user id: ids travel through JSON, whose numbers are exact up to here.
pub const USER_ID_MAX: u64 = (1 << 53) - 1;
/// Longest run, interval or timeout that may be typed: beyond ten years it is a slip of the keyboard, and below it no
/// sum of two lengths of time overflows.
pub const DURATION_TYPED_MAX: Duration = Duration::from_secs(10 * 366 * 86_400);
/// Most threads that run users: more than any machine of today has, few enough to start at once.
pub const CORES_MAX: usize = 1024;
/// Most `--tag` tags: each is written with every sample of an output. k6 users set two or three.
pub const RUN_TAGS_MAX: usize = 32;
/// Bytes of a tag's name or value: they are repeated on every line of an output.
pub const TAG_BYTES_MAX: usize = 256;
/// Time for a whole HTTP exchange, redirects included (k6's request timeout).
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(60);
/// Redirects followed (k6's `--max-redirects`).
pub const HTTP_REDIRECTS_MAX: u32 = 10;
/// Most redirects that may be allowed: a longer chain is a loop.
pub const HTTP_REDIRECTS_GRANT_MAX: u32 = 1000;
/// Most local addresses: a /22 network of them, each with 28 000 ports, feeds 28 million connections.
pub const LOCAL_ADDRESSES_MAX: usize = 1024;
/// Most address space that the users' memories may take: half of what a process has, since stacks, code and files need some.
pub const ADDRESS_SPACE_BYTES_MAX: u64 = 64 << 40;
/// Bytes of bodies that the responses a user holds may keep together: four of the largest bodies kept (16 MiB).
pub const USER_BODIES_BYTES_MAX: usize = 64 << 20;
/// Bytes of a name that a guest gives (group, check, tag): names live as long as the run, so their number alone does not
/// bound them. A URL of usual length fits.
pub const NAME_BYTES_MAX: usize = 2048;
/// Bytes of the name of a throttle, a meeting, an asset or a feeder.
pub const COORDINATION_NAME_BYTES_MAX: usize = 128;
/// Throttles of a run, and meetings: a name for each pair of users is a mistake, a name for each room is not.
pub const COORDINATION_OBJECTS_MAX: usize = 100_000;
/// Users that wait for one throttle or in one meeting: all of a process's.
pub const COORDINATION_WAITERS_MAX: usize = 1_000_000;
/// Users of one group: its members are copied to each of them.
pub const MEETING_SIZE_MAX: u32 = 10_000;
/// Bytes that a user brings to a meeting, or sends in a message: each member gets a copy of all.
pub const MESSAGE_BYTES_MAX: usize = 16 << 10;
/// Bytes that the members of one group bring together: each gets a copy of all, so that ten thousand members are handed 10 GB.
pub const MEETING_BYTES_MAX: usize = 1 << 20;
/// Bytes of messages that nobody has read yet and of what users brought to meetings, of the whole run: users that do not read
/// are known before they have the generator's memory. A hundred thousand messages of 10 kB.
pub const COORDINATION_BYTES_MAX: usize = 1 << 30;
/// Messages that wait in one user's mailbox: seconds of a busy room.
pub const MAILBOX_MESSAGES_MAX: usize = 1000;
/// Bytes of the id of something sent: a UUID is 36.
pub const DELIVERY_ID_BYTES_MAX: usize = 256;
/// Things sent and not yet received everywhere, and early receipts: a minute of 15 000 messages a second, some 200 MB.
pub const DELIVERIES_OPEN_MAX: usize = 1_000_000;
/// Receivers that are remembered of things not yet received everywhere, to know duplicates: a thousand things sent to ten
/// thousand users each, some 160 MB.
pub const DELIVERY_RECEIPTS_MAX: usize = 10_000_000;
/// How long something sent may take to be received before it counts as lost, unless the run says otherwise.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(60);
/// Assets and feeders of one run.
pub const DATA_FILES_MAX: usize = 1000;
/// Largest asset: it lies in memory once, for all users.
pub const ASSET_BYTES_MAX: u64 = 1 << 30;
/// Largest feeder file: ten million accounts of a hundred bytes.
pub const FEEDER_BYTES_MAX: u64 = 1 << 30;
/// Bytes of an asset that one call may read into a user's memory.
pub const ASSET_READ_BYTES_MAX: usize = 16 << 20;
/// Bytes of a key of the store.
pub const STORE_KEY_BYTES_MAX: usize = 1024;
/// Bytes of a value of the store: a session, not a document.
pub const STORE_VALUE_BYTES_MAX: usize = 1 << 20;
/// Bytes of all keys and values of the store: it lies in memory and is written as one file.
pub const STORE_BYTES_MAX: usize = 1 << 30;
/// Scenarios of one run.
pub const SCENARIOS_MAX: usize = 100;
/// Stages of one load shape: a staircase of a day in minutes.
pub const STAGES_MAX: usize = 1440;
/// Highest arrival rate, in iterations a second: a hundred times what one machine does.
pub const RATE_MAX: f64 = 10_000_000.0;
/// Time after which an executor that counts iterations ends without them (k6's `maxDuration`).
pub const MAX_DURATION: Duration = Duration::from_secs(600);
/// How long users that ramp down may take to end their iteration (k6's `gracefulRampDown`).
pub const GRACEFUL_RAMP_DOWN: Duration = Duration::from_secs(30);
/// Changes that a run file may schedule.
pub const CHANGES_MAX: usize = 1000;
/// Largest run file.
pub const RUN_FILE_BYTES_MAX: u64 = 16 << 20;
/// Values that the records of one feeder may have together: ten million accounts of ten fields, 400 MB of places.
pub const FEEDER_VALUES_MAX: usize = 100_000_000;
/// Faults reported of one data file: those of a slip in each row would bury those of the other files.
pub const DATA_FILE_FAULTS_MAX: usize = 20;
/// What an entry of the store counts beside its key and value, for the map and the allocator: else a billion empty values were free.
pub const STORE_ENTRY_OVERHEAD_BYTES: usize = 128;
/// Fields of a feeder: a table of a thousand columns is one that lies on its side.
pub const FEEDER_FIELDS_MAX: usize = 1024;
/// Largest number of iterations or users that may be typed: counts travel through JSON, whose numbers are exact up to here.
pub const COUNT_MAX: u64 = USER_ID_MAX;
/// Users made for an arrival rate whose number is not given: beyond this many, how long an iteration takes should be known.
pub const ARRIVAL_USERS_DEFAULT_MAX: u32 = 10_000;
/// Ids kept for each scenario whose users are replaced without end: a hundred new users a second for 115 days.
pub const CHURN_IDS: u64 = 1_000_000_000;
/// `--profile amoc`: time between the starts of two users (amoc's `interarrival`).
pub const AMOC_INTERARRIVAL: Duration = Duration::from_millis(50);
/// `--profile amoc`: time between the starts of two iterations of one user (amoc's `repeat_interval`).
pub const AMOC_REPEAT_INTERVAL: Duration = Duration::from_secs(60);
/// Pieces of an arrival curve kept behind the present one: a core that is thousands of changes late is lost anyway.
pub const RATE_CHANGES_KEPT: usize = 2 * STAGES_MAX;
/// Faults of one run that are told: nobody mends more in one go, and a file of another kind has one a line.
pub const PROBLEMS_MAX: usize = 1000;
/// WebSockets one user may have open: a browser allows 255 to all hosts, a chat user holds two.
pub const USER_SOCKETS_MAX: usize = 64;
/// Messages that wait in one socket's inbox unless the scenario says otherwise.
pub const INBOX_MESSAGES_DEFAULT: u32 = 1000;
/// Bytes that wait in one socket's inbox unless the scenario says otherwise.
pub const INBOX_BYTES_DEFAULT: u32 = 1 << 20;
/// Most bytes that a scenario may let wait in one socket's inbox, or take in as one message: what a guest's memory holds.
pub const INBOX_BYTES_MAX: u32 = 16 << 20;
/// Bytes of all messages that wait in the inboxes of one user: four of the largest.
pub const USER_INBOX_BYTES_MAX: usize = 64 << 20;
/// Longest WebSocket message that is taken in unless the scenario says otherwise: a thousand times a chat line.
pub const WS_MESSAGE_BYTES_DEFAULT: u32 = 1 << 20;
/// Bytes given to a socket that the kernel has not taken: whoever sends more waits.
pub const WS_UNSENT_BYTES_MAX: usize = 1 << 20;
/// Messages given to a socket that the kernel has not taken.
pub const WS_UNSENT_MESSAGES_MAX: usize = 1000;
/// Bytes of one WebSocket message that a guest may send.
pub const WS_SENT_BYTES_MAX: usize = 16 << 20;
/// Watches of one socket: each looks at every message.
pub const WS_WATCHES_MAX: usize = 16;
/// Heartbeats of one socket, beside its ping.
pub const WS_HEARTBEATS_MAX: usize = 4;
/// Shortest interval of a heartbeat: what is sent more often is load, not a sign of life.
pub const WS_HEARTBEAT_MIN: Duration = Duration::from_millis(10);
/// Time for connecting a WebSocket, sending on one, or a pong (k6's timeouts).
pub const WS_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a peer may take to answer a close frame: `leave` has time for two of them.
pub const WS_CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes kept of the body of a refused upgrade: an error page.
pub const WS_REFUSAL_BYTES_MAX: usize = 64 << 10;
/// Bytes of a pattern, a JSON pointer or a regular expression.
pub const PATTERN_BYTES_MAX: usize = 4096;
/// Different patterns that one core keeps compiled: a scenario has a handful; one that makes them up is told so.
pub const PATTERNS_MAX: usize = 1000;
/// Users present in audiences, counted in each: a hundred rooms with everyone of a hundred thousand users, 80 MB. There are as many
/// audiences at most as there may be throttles.
pub const AUDIENCE_MEMBERS_MAX: usize = 10_000_000;
/// Most messages that a scenario may let wait in one socket's inbox: empty ones have no bytes, and take 40 each all the same.
pub const INBOX_MESSAGES_MAX: u32 = 100_000;
/// Bytes that a ping or a pong may carry (RFC 6455, section 5.5).
pub const WS_CONTROL_BYTES_MAX: usize = 125;
/// Bytes of the reason of a close frame: what its code leaves of a control frame.
pub const WS_CLOSE_REASON_BYTES_MAX: usize = WS_CONTROL_BYTES_MAX - 2;
/// Bytes of a message that the host sends again and again, kept as long as it does.
pub const WS_HEARTBEAT_BYTES_MAX: usize = WS_UNSENT_BYTES_MAX;
/// How long something may have been on its way to a user who leaves an audience, to be excused: what takes longer is lost already, and
/// would else be hidden by everybody's leaving at the end of a run.
pub const EXCUSED_AGE_MAX: Duration = Duration::from_secs(10);
/// Watches of one XMPP session: each looks at every stanza.
pub const XMPP_WATCHES_MAX: usize = 16;
/// Things that the host sends again and again on one XMPP session, beside its ping.
pub const XMPP_PERIODICS_MAX: usize = 4;
/// Shortest interval of one.
pub const XMPP_PERIODIC_MIN: Duration = Duration::from_millis(10);
/// Requests that one XMPP session may have under way.
pub const XMPP_REQUESTS_MAX: usize = 100;
/// Time for connecting an XMPP session, sending on one, or an answer.
pub const XMPP_TIMEOUT: Duration = Duration::from_secs(60);
/// Time for one step of connecting.
pub const XMPP_STEP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server may take to end its side of the stream: `leave` has time for two of them.
pub const XMPP_CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of one element, or of raw bytes, that a guest may send on an XMPP session: as many as may be unsent.
pub const XMPP_SENT_BYTES_MAX: usize = 1 << 20;
/// Longest stanza that is taken in unless the scenario says otherwise: what servers allow to clients.
pub const XMPP_STANZA_BYTES_DEFAULT: u32 = 256 << 10;
/// Steps of one connect: the ten that there are, and as many of the scenario's own.
pub const XMPP_STEPS_MAX: usize = 20;
/// Filters of one call: each may look at every stanza.
pub const XMPP_FILTERS_MAX: usize = 32;
/// Streams of one RTMP connection: a client has one or two.
pub const RTMP_STREAMS_MAX: usize = 8;
/// Commands of one RTMP connection that wait for their answer.
pub const RTMP_CALLS_MAX: usize = 16;
/// Time for connecting, for the start of a stream, or for the answer to a command.
pub const RTMP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a send may wait for room unless the scenario says otherwise.
pub const RTMP_SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a peer may take none of what a publisher sends, unless the scenario says otherwise.
pub const RTMP_UNSENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes given to an RTMP connection that the kernel has not taken: whoever sends more waits. Two seconds of 4 Mbit/s.
pub const RTMP_UNSENT_BYTES_MAX: usize = 1 << 20;
/// Bytes of one tag that a guest may send: a key frame of 4K video is one.
pub const RTMP_TAG_BYTES_MAX: usize = 4 << 20;
/// Smallest and largest chunk that this side sends: RTMP section 5.4.1 demands at least 128.
pub const RTMP_CHUNK_BYTES_MIN: u32 = 128;
/// See [`RTMP_CHUNK_BYTES_MIN`]: beyond this, others wait too long behind a chunk.
pub const RTMP_CHUNK_BYTES_MAX: u32 = 65_536;
/// No media for so long is a stall, unless the scenario says otherwise.
pub const RTMP_STALL_AFTER: Duration = Duration::from_millis(500);
/// Shortest that may be said: below it every gap between two frames were one.
pub const RTMP_STALL_AFTER_MIN: Duration = Duration::from_millis(50);
/// A player so far behind is lagged, unless the scenario says otherwise.
pub const RTMP_LAG_AFTER: Duration = Duration::from_secs(3);
/// How much a server is told that this side buffers, unless the scenario says otherwise.
pub const RTMP_BUFFER: Duration = Duration::from_secs(3);
/// Events of one stream that nobody has asked for; the oldest makes room.
pub const RTMP_EVENTS_MAX: usize = 64;
/// Lines that the scenarios of a run may add to standard output.
pub const CONCLUSIONS_MAX: usize = 16;
/// Bytes of one of them.
pub const CONCLUSION_BYTES_MAX: usize = 4096;

/// Bytes of the title and of the id of a served run: a line in a list.
pub const RUN_NAME_BYTES_MAX: usize = 200;

/// Bytes of the comment of a served run, and of an annotation: some paragraphs; it is kept with every run of the history.
pub const RUN_COMMENT_BYTES_MAX: usize = 4096;
/// Patterns of `--allow-target`: each connection asks all of them.
pub const TARGET_PATTERNS_MAX: usize = 1000;
/// Connections to a served host at a time: a few hundred people who watch, and scripts. Further ones wait in the kernel's queue.
pub const API_CONNECTIONS_MAX: usize = 1024;
/// Requests that a served host works on at a time; streams of events count only until they flow. Further ones are refused.
pub const API_REQUESTS_MAX: usize = 256;
/// Streams of one HTTP/2 connection: a page opens a dozen.
pub const API_STREAMS_MAX: u32 = 64;
/// Time for the first byte of a connection, its TLS handshake, or the head of a request: what takes longer holds a place for nothing.
pub const API_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may be silent in both directions: events have a comment every 15 s, so they live on.
pub const API_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Time a body is given however slow it comes; beyond it, [`API_BODY_BYTES_PER_SECOND_MIN`] counts.
pub const API_BODY_GRACE: Duration = Duration::from_secs(10);
/// Slowest that a body may come: a telephone on the edge of its network does more, and whoever sends less holds a place.
pub const API_BODY_BYTES_PER_SECOND_MIN: u64 = 16 << 10;
/// Time the host takes for an answer, uploads and streams of events aside.
pub const API_REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of a JSON body: a thousand changes with long texts. Run specs may be as large as run files.
pub const API_BODY_BYTES_MAX: u64 = 1 << 20;
/// Callers with a wrong token that are made to wait at a time; further ones are told to come back.
pub const API_DENIED_WAITING_MAX: usize = 64;
/// How long whoever shows a wrong token waits for the refusal: guessing 256 bits is hopeless anyway, guessing a short token should be too.
pub const API_DENIED_DELAY: Duration = Duration::from_millis(200);
/// Answers kept for repeated `Idempotency-Key`s: the oldest makes room.
pub const IDEMPOTENCY_KEYS_MAX: usize = 1000;
/// How long such an answer is kept.
pub const IDEMPOTENCY_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Bytes of an `Idempotency-Key`: a UUID is 36.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// Bytes of an answer that is kept for its repetition; a longer one is not, and its call happens again.
pub const IDEMPOTENCY_ANSWER_BYTES_MAX: usize = 256 << 10;
/// Uploads at a time unless the host is told otherwise: they wait for one compiler anyway.
pub const UPLOADS_DEFAULT: usize = 4;
/// Most uploads at a time that may be asked for: each may hold a scenario's bytes in memory.
pub const UPLOADS_GRANT_MAX: usize = 64;
/// Names of scenarios that a host keeps: each has its index in memory.
pub const SCENARIO_NAMES_MAX: usize = 500;
/// Versions kept of one name: ten weeks of two uploads a working day.
pub const SCENARIO_VERSIONS_MAX: usize = 100;
/// Compiled scenarios kept in memory beside those that runs use: some megabytes each.
pub const SCENARIOS_LOADED_MAX: usize = 16;
/// Scenarios that wait for the compiler: beyond, whoever asks is told to come back.
pub const COMPILE_QUEUE_MAX: usize = 128;
/// Files that a host keeps for its runs.
pub const FILES_STORED_MAX: usize = 1000;
/// Bytes of all scenarios and files that a host keeps.
pub const UPLOADED_BYTES_MAX: u64 = 32 << 30;
/// Free bytes that uploads leave on the disk: results of running tests need them more.
pub const DISK_FREE_BYTES_MIN: u64 = 256 << 20;
/// Runs at a time unless the host is told otherwise: each has a thread of its own, and they share the cores.
pub const RUNS_DEFAULT: usize = 8;
/// Most runs at a time that may be asked for.
pub const RUNS_GRANT_MAX: usize = 256;

/// Lines of a served run's log that are kept: some screens of each of its users' last words; the whole log is the process's.
pub const RUN_LOG_LINES_MAX: usize = 5000;

/// Bytes of a served run's log that are kept, so that long lines do not make a run of a day cost more than a run of a minute.
pub const RUN_LOG_BYTES_MAX: usize = 4 << 20;

/// Bytes of one line that is kept of a served run's log: a stack trace of a guest fits.
pub const RUN_LOG_LINE_BYTES_MAX: usize = 8 << 10;

/// Snapshots that a reader of events gets at most when it comes back: ten minutes of seconds; what was before is thinned out.
pub const EVENTS_RESUMED_MAX: usize = 600;

/// Snapshots in one answer: as many as a chart has points.
pub const SNAPSHOTS_ANSWERED_MAX: usize = 1000;

/// Runs of the history: each is some kilobytes in memory. Further runs are refused until some are deleted.
pub const RUNS_KEPT_MAX: usize = 10_000;

/// Annotations of one run: they are kept with it.
pub const ANNOTATIONS_MAX: usize = 1000;
/// Bytes of what a scenario says of itself, as a served host keeps it: hundreds of settings with a paragraph each.
pub const DESCRIPTION_BYTES_MAX: usize = 256 << 10;
/// Bytes of code in a component: seventy times the largest scenario that ships, and an interpreter of JavaScript. The code that is slowest to compile
/// takes 5 s of one core for each mebibyte.
pub const COMPONENT_CODE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of one function: forty times the largest of the scenarios that ship. Compiling one takes up to 600 times its size: 300 MB.
pub const FUNCTION_BYTES_MAX: u64 = 512 << 10;
/// Functions of a component: seventy times the scenarios that ship. Compiling takes up to 8 kB for each, however small: 400 MB.
pub const COMPONENT_FUNCTIONS_MAX: u64 = 50_000;
/// Core modules of a component: toolchains make four.
pub const COMPONENT_MODULES_MAX: u64 = 32;
/// Instances of core modules that a component makes: toolchains make four.
pub const COMPONENT_CORE_INSTANCES_MAX: u64 = 64;
/// Components within a component, and instances of them, each: one that makes two of one that makes two grows without end, and with 16 in all
/// there are 3^5 at most.
pub const COMPONENT_PARTS_MAX: u64 = 16;
/// Types of a component and of its modules: ten times what the scenarios that ship have in all.
pub const COMPONENT_TYPES_MAX: u64 = 10_000;
/// Imports of a component: the contract has 12 interfaces, WASI that is granted 15, and functions and types are imported singly.
pub const COMPONENT_IMPORTS_MAX: u64 = 500;
/// Functions that a component passes in or out: each has glue that is compiled.
pub const COMPONENT_PASSED_FUNCTIONS_MAX: u64 = 5_000;
/// Memories that a component's instances may have: it has one.
pub const USER_MEMORIES_MAX: usize = 4;
/// Tables that a component's instances may have: toolchains make two.
pub const USER_TABLES_MAX: usize = 16;
/// Bytes that `describe` may hand over: a hundred times what the most talkative scenario that ships does.
pub const DESCRIBED_BYTES_MAX: usize = 1 << 20;
/// Settings, roles, metrics or files that a scenario may declare, each: nobody would find one among more.
pub const DECLARATIONS_MAX: usize = 1000;
/// Values that a setting may allow, or fields that a feeder may have to have.
pub const DECLARED_VALUES_MAX: usize = 1024;
/// Bytes of a name, a version or a value that `describe` returns.
pub const DECLARED_NAME_BYTES_MAX: usize = 2048;
/// Bytes of a text for people that `describe` returns: a page or two.
pub const DECLARED_DOC_BYTES_MAX: usize = 16 << 10;

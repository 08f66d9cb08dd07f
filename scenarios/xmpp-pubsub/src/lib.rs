//! Publishers who are each other's subscribers (XEP-0060): each creates a node, meets others, subscribes to the nodes of all of its group, and publishes to its
//! own. What the run measures is how long each item took to reach every subscriber, beside what was lost.
//!
//! amoc's `pubsub_simple`, with its settings and defaults. The server's pubsub service must let users create nodes. Accounts `user_1`, `user_2`, … must
//! exist, and there must be a multiple of `n-of-subscribers` of them.
//!
//! | metric | says |
//! |---|---|
//! | `delivery_time`, `delivery_lost` | how long an item took to reach each subscriber, and what did not |
//! | `xmpp_request_duration`, `xmpp_request_failed` | how long creating, subscribing and publishing took, and what was refused |
//! | `nodes_created`, `subscriptions`, `items_published` | how many |

use lt_sdk::coordination::{Audience, Budget, Error as CoordinationError, Meeting, Throttle};
use lt_sdk::metrics::{Counter, Kind, Unit};
use lt_sdk::prelude::*;
use lt_sdk::xmpp::{Account, Element, Key, Login, Session, Watch, Watcher, pubsub};

/// What `--set` can change.
#[derive(Settings)]
struct Options {
    #[setting(flatten)]
    login: Login,
    /// The pubsub service; without it pubsub. and the domain of the accounts
    pubsub_addr: Option<String>,
    /// Time for each request
    #[setting(default = "10s", min = "1ms")]
    iq_timeout: Duration,
    /// Nodes created each minute, by all users together
    #[setting(default = 600, min = 1)]
    node_creation_rate: u64,
    /// Items published each minute, by all users together; may change during the run
    #[setting(default = 1500, min = 1)]
    publication_rate: Live<u64>,
    /// Bytes of an item beside its time and its publisher
    #[setting(default = 300, max = 200_000)]
    publication_size: u32,
    /// Subscribers of each node: users form groups of so many, its publisher included
    #[setting(default = 50, min = 1, max = 900)]
    n_of_subscribers: u32,
    /// When publishing begins: when a user's own group has subscribed, or when all users have
    #[setting(default = "all-nodes", allowed("all-nodes", "n-nodes"))]
    activation_policy: String,
    /// Pause of a group after it has subscribed
    #[setting(default = "0s")]
    coordinator_delay: Duration,
    /// Time that a user waits for the others
    #[setting(default = "2m")]
    meeting_timeout: Duration,
    /// Delete the nodes at the end
    #[setting(default = true)]
    delete_nodes: bool,
}

const CREATED: &str = "nodes_created";
const SUBSCRIBED: &str = "subscriptions";
const PUBLISHED: &str = "items_published";

const MINUTE: Duration = Duration::from_secs(60);

/// One publisher.
struct Publisher {
    options: Options,
    service: String,
    node: String,
    /// The subscribers of the user's own node.
    subscribers: Audience,
    /// Those of others that the user is one of.
    subscribed: Vec<Audience>,
    pace: Throttle,
    per_minute: u64,
    filling: String,
    // Before the session, which it needs to end.
    _watcher: Watcher,
    session: Session,
}

#[lt_sdk::scenario]
impl Scenario for Publisher {
    type Settings = Options;

    fn describe(base: Description) -> Description {
        Login::declare(base)
            .metric(CREATED, "Nodes created", Kind::Counter, Unit::None)
            .metric(SUBSCRIBED, "Subscriptions made", Kind::Counter, Unit::None)
            .metric(PUBLISHED, "Items published", Kind::Counter, Unit::None)
            .users(50)
            .duration(Duration::from_secs(120))
    }

    fn init(run: &RunInfo, options: &Options) -> Result<Vec<u8>> {
        options.login.check()?;
        let group = u64::from(options.n_of_subscribers);
        ensure!(
            run.users.is_multiple_of(group),
            "{} users do not form groups of {group}: some would wait for others that never come (remedy: a multiple of n-of-subscribers)",
            run.users
        );
        Ok(Vec::new())
    }

    fn join(user: &User, options: Options) -> Result<Self> {
        let session = options.login.connect(user.id, Account::presence)?;
        let watcher = watch(&session)?;
        let service = match &options.pubsub_addr {
            Some(service) => service.clone(),
            None => ["pubsub.", options.login.domain()].concat(),
        };
        // Another in each run, under another seed: one that was left behind is not in the way.
        let node = format!("princely_musings_{}_{:08x}", user.id, user.seed >> 32);
        let per_minute = options.publication_rate.get()?;
        let mut publisher = Self {
            subscribers: Audience::open(&audience(&node))?,
            subscribed: Vec::new(),
            pace: Throttle::rate("publication", per_minute, MINUTE)?,
            per_minute,
            filling: "A".repeat(options.publication_size as usize),
            service,
            node,
            _watcher: watcher,
            session,
            options,
        };
        publisher.create_node()?;
        publisher.meet()?;
        Ok(publisher)
    }

    /// One item, as soon as the rate that all users share allows it.
    fn iterate(&mut self, it: Iteration) -> Result<()> {
        if let Some(end) = self.session.closed() {
            for audience in &self.subscribed {
                audience.cut_off();
            }
            // Its node and its subscriptions would need others to meet it anew.
            return Err(Error::stop_user(format!("the session ended: {end}")));
        }
        self.follow_rate()?;
        match self.pace.wait() {
            Err(CoordinationError::Stopping) => Ok(()),
            turn => {
                turn?;
                self.publish(&it)
            }
        }
    }

    /// What is on the way nobody expects any more, but only if the server sees the user off.
    fn leave(self) -> Result<()> {
        for audience in &self.subscribed {
            audience.step_out();
        }
        let deleted = match self.options.delete_nodes && self.session.closed().is_none() {
            true => self.ask(&pubsub::delete(&self.service, &self.node)),
            false => Ok(()),
        };
        let end = self.session.close();
        for audience in &self.subscribed {
            if end.is_orderly() {
                audience.leave();
            } else {
                audience.cut_off();
            }
        }
        ensure!(end.is_orderly(), "the session ended: {end}");
        deleted.context("delete the node")
    }
}

impl Publisher {
    fn ask(&self, request: &Element) -> Result<()> {
        self.session
            .request_timeout(request, self.options.iq_timeout)?;
        Ok(())
    }

    fn create_node(&self) -> Result<()> {
        let pace = Throttle::rate("node creation", self.options.node_creation_rate, MINUTE)?;
        pace.wait()?;
        let open = [
            ("pubsub#access_model", "open"),
            ("pubsub#publish_model", "open"),
        ];
        let created = self.ask(&pubsub::create_with(&self.service, &self.node, &open));
        check!("the node was created", created.is_ok());
        created.context("create a node")?;
        Counter::open(CREATED)?.add(1)?;
        Ok(())
    }

    /// Meet the others of the group, and subscribe to the nodes of all of them.
    fn meet(&mut self) -> Result<()> {
        let Options {
            meeting_timeout,
            coordinator_delay,
            n_of_subscribers,
            ..
        } = self.options;
        let group = Meeting::of("pubsub group", n_of_subscribers)?
            .join(self.node.as_bytes(), meeting_timeout)
            .context("meet the others of the group")?;
        for member in group.members() {
            let node = member.text().context("a node's name is text")?;
            self.subscribe(node)?;
        }
        timing::sleep(coordinator_delay);
        if self.options.activation_policy == "all-nodes" {
            Meeting::all("pubsub all")?
                .join(b"", meeting_timeout)
                .context("wait until all have subscribed")?;
        }
        Ok(())
    }

    fn subscribe(&mut self, node: &str) -> Result<()> {
        let jid = self.session.bare_jid().to_owned();
        let subscribed = self.ask(&pubsub::subscribe(&self.service, node, &jid));
        check!("the subscription was made", subscribed.is_ok());
        subscribed.context("subscribe")?;
        Counter::open(SUBSCRIBED)?.add(1)?;
        let audience = Audience::open(&audience(node))?;
        audience.enter()?;
        self.subscribed.push(audience);
        Ok(())
    }

    /// Take up a rate that was changed during the run.
    fn follow_rate(&mut self) -> Result<()> {
        let per_minute = self.options.publication_rate.get()?;
        if per_minute != self.per_minute {
            self.per_minute = per_minute;
            self.pace.change(Budget::rate(per_minute, MINUTE))?;
        }
        Ok(())
    }

    fn publish(&self, it: &Iteration) -> Result<()> {
        let id = it.message_id(0);
        let entry = Element::new("entry")
            .namespace("http://www.w3.org/2005/Atom")
            .attribute("jid", self.session.jid())
            .text(&self.filling);
        let request = pubsub::publish(&self.service, &self.node, &id, entry);
        let at = timing::now();
        let published = self.ask(&request);
        check!("the item was published", published.is_ok());
        published.context("publish")?;
        self.subscribers.mark_sent_at(&id, at)?;
        Counter::open(PUBLISHED)?.add(1)?;
        Ok(())
    }
}

/// Name of the audience of a node's subscribers.
fn audience(node: &str) -> String {
    ["pubsub ", node].concat()
}

/// Have the host note each item as it comes, and drop it with the other events.
fn watch(session: &Session) -> Result<Watcher> {
    let items = Watch::new(pubsub::events()).named("item");
    Ok(session.watch(items.delivery(Key::path("event/items/item@id")).discard())?)
}

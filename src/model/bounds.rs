//! What is explored, and the system that it describes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use itertools::Itertools as _;
use serde::{Deserialize, Serialize};

use super::conduct::Conduct;
use super::lenient::lenient;
use super::panics::guarded;
use super::participant::EventRef;
use crate::pbft::{
    Batch, Client, ClientId, ClientInput, ClientState, Committee, CommitteeError, Digest, Input, KeySet,
    Message, Principal, Refusal, Renaming, Replica, ReplicaId, Request, Rules, Setting, Signed,
    SignedRequest, SigningKey, State, Timestamp, View,
};

/// How much of the protocol's behaviour is explored, whoever is Byzantine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scope {
    /// n: the number of replicas.
    pub replicas: u16,
    /// f: the number of Byzantine replicas that the thresholds are made for.
    pub faults: u16,
    /// Views 0 to this number less one are explored: no timer fires in the last.
    pub views: u64,
    /// Sequence numbers 1 to this one may be assigned.
    pub slots: u64,
    /// Requests that clients send, each by a client of its own, all at once.
    pub requests: u32,
    /// K: a checkpoint at every multiple of it; without, none is taken within the bound.
    pub checkpoint: Option<u64>,
    /// L: how far the high watermark lies above the low one; without, as far as there are slots.
    pub window: Option<u64>,
    /// How often honest replicas crash and recover, all together.
    pub crashes: u32,
    /// What their storage does in a crash.
    pub store: Store,
    /// Whether clients take part: they wait for replies and believe them. Without, replies go nowhere.
    pub clients: bool,
    /// Requests that only read, each by a further client; each is asked at any time. They take part only if
    /// the rulebook answers reads without ordering them; otherwise they are requests like the others.
    pub reads: u32,
    /// Whether a message that has had no consequence by the time at which the network becomes stable is lost.
    /// Only a check of liveness asks.
    pub lossy: bool,
    /// What a simulated run carries; none in a bound that is explored exhaustively. Where it stands, views and
    /// sequence numbers have no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
}

/// How much work a simulated system gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Load {
    /// Requests that each client sends, one after the other.
    pub operations: u32,
    /// The most requests in a batch.
    pub batch: u32,
    /// The most sequence numbers that a primary has assigned and not yet executed.
    pub in_flight: u32,
}

impl Default for Load {
    /// Few requests, batches and pipelining: what is found is to be read by a person.
    fn default() -> Self {
        Load { operations: 4, batch: 2, in_flight: 4 }
    }
}

/// What stable storage does in a crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Store {
    /// It keeps everything that was written.
    #[default]
    Keeps,
    /// It loses what the last step wrote that wrote anything.
    LosesLast,
}

impl Scope {
    /// The bound of the default check: one view change, one slot, two requests that compete for it.
    pub const DEFAULT: Scope = Scope {
        replicas: 4,
        faults: 1,
        views: 2,
        slots: 1,
        requests: 2,
        checkpoint: None,
        window: None,
        crashes: 0,
        store: Store::Keeps,
        clients: false,
        reads: 0,
        lossy: false,
        load: None,
    };
}

/// A finite part of the protocol's behaviours: a scope, and who is Byzantine in it. Reads like its
/// scope.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bound {
    /// The sizes.
    #[serde(flatten)]
    pub scope: Scope,
    /// Which replicas are Byzantine. More than f of them is a question one can ask.
    pub byzantine: Vec<ReplicaId>,
}

impl std::ops::Deref for Bound {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

/// Why a bound cannot be explored.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BoundError {
    /// The committee is impossible.
    #[error("{0}; give other values to --replicas and --faults")]
    Committee(#[from] CommitteeError),
    /// A Byzantine replica that is not there.
    #[error("replica {0} cannot be Byzantine: there are only {1} replicas, numbered from 0")]
    NoSuchReplica(ReplicaId, u16),
    /// Nobody is left to judge.
    #[error("{0} Byzantine replicas of {1} leave no honest one to check; give fewer to --byzantine")]
    NobodyHonest(usize, u16),
    /// Zero of something that there must be one of.
    #[error("--{0} must be at least 1")]
    Zero(&'static str),
    /// The window ends before the next checkpoint: the protocol could only stop there.
    #[error(
        "--window {0} ends before the next checkpoint (--checkpoint {1}): nothing could move it on; OSDI'99 suggests twice the interval"
    )]
    WindowTooSmall(u64, u64),
    /// More than a simulation handles.
    #[error("--{0} is at most {1} in a simulation; {2} would take too much memory")]
    TooLargeToSimulate(&'static str, u64, u64),
    /// More than the exhaustive judges handle.
    #[error("--{0} is at most {1} in an exhaustive check; {2} could never finish")]
    TooLarge(&'static str, u64, u64),
}

impl Bound {
    /// A scope with these replicas Byzantine.
    pub fn new(scope: Scope, byzantine: impl IntoIterator<Item = ReplicaId>) -> Self {
        Bound { scope, byzantine: byzantine.into_iter().collect() }
    }

    /// Checks that the bound makes sense.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn validate(&self) -> Result<Committee, BoundError> {
        let committee = Committee::new(self.replicas, self.faults)?;
        if let Some(load) = self.load {
            self.validate_load(&load)?;
            return self.validate_who(committee);
        }
        for (name, value, least, most) in [
            ("replicas", u64::from(self.replicas), 1, 32),
            ("views", self.views, 1, 32),
            ("slots", self.slots, 1, 16),
            ("requests", u64::from(self.requests), 1, 16),
            ("checkpoint", self.checkpoint.unwrap_or(1), 1, 16),
            ("window", self.window.unwrap_or(1), 1, 16),
            ("crashes", u64::from(self.crashes), 0, 15),
            ("reads", u64::from(self.reads), 0, 15),
        ] {
            if value < least {
                return Err(BoundError::Zero(name));
            }
            if value > most {
                return Err(BoundError::TooLarge(name, most, value));
            }
        }
        if let (Some(interval), Some(window)) = (self.checkpoint, self.window)
            && window < interval
        {
            return Err(BoundError::WindowTooSmall(window, interval));
        }
        self.validate_who(committee)
    }

    /// The sizes of a simulated system.
    fn validate_load(&self, load: &Load) -> Result<(), BoundError> {
        for (name, value, most) in [
            ("replicas", u64::from(self.replicas), 100),
            ("clients", u64::from(self.requests), 1000),
            ("operations", u64::from(load.operations), 1_000_000),
            ("batch", u64::from(load.batch), 1000),
            ("in-flight", u64::from(load.in_flight), 1000),
            ("checkpoint", self.checkpoint.unwrap_or(1), 10_000),
            ("window", self.window.unwrap_or(1), 10_000),
            ("crashes", u64::from(self.crashes) + 1, 1001),
        ] {
            if value == 0 {
                return Err(BoundError::Zero(name));
            }
            if value > most {
                return Err(BoundError::TooLargeToSimulate(name, most, value));
            }
        }
        let (interval, window) = (self.checkpoint_interval(), self.watermarks());
        if window < interval {
            return Err(BoundError::WindowTooSmall(window, interval));
        }
        Ok(())
    }

    /// K, where it has a default.
    fn checkpoint_interval(&self) -> u64 {
        self.checkpoint.unwrap_or(if self.load.is_some() { 128 } else { self.slots + 1 })
    }

    /// L, where it has a default.
    fn watermarks(&self) -> u64 {
        let default = if self.load.is_some() { 2 * self.checkpoint_interval() } else { self.slots };
        self.window.unwrap_or(default)
    }

    fn validate_who(&self, committee: Committee) -> Result<Committee, BoundError> {
        if let Some(&id) = self.byzantine.iter().find(|&&id| !committee.contains(id)) {
            return Err(BoundError::NoSuchReplica(id, self.replicas));
        }
        if self.byzantine.len() >= usize::from(self.replicas) {
            return Err(BoundError::NobodyHonest(self.byzantine.len(), self.replicas));
        }
        Ok(committee)
    }
}

fn plural(n: u64, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &plural(self.views, "view"))
    }
}

impl Scope {
    /// The scope in words, with these in the place of how many views it has.
    pub fn with_views(&self, views: &str) -> String {
        let mut text = String::new();
        // A string takes everything.
        let _ = self.write(&mut text, views);
        text
    }

    fn write(&self, f: &mut impl fmt::Write, views: &str) -> fmt::Result {
        write!(f, "n={} f={}, ", self.replicas, self.faults)?;
        match self.load {
            None => write!(
                f,
                "{views}, {}, {}",
                plural(self.slots, "slot"),
                plural(u64::from(self.requests), "request"),
            )?,
            Some(load) => write!(
                f,
                "{} of {} each, {} at most in a batch",
                plural(u64::from(self.requests), "client"),
                plural(u64::from(load.operations), "request"),
                load.batch,
            )?,
        }
        if let Some(interval) = self.checkpoint {
            write!(f, ", K={interval}")?;
        }
        if let Some(window) = self.window {
            write!(f, ", L={window}")?;
        }
        if self.crashes > 0 {
            write!(f, ", {}", plural(u64::from(self.crashes), "crash").replace("crashs", "crashes"))?;
            if self.store == Store::LosesLast {
                write!(f, " losing the last write")?;
            }
        }
        if self.reads > 0 {
            write!(f, ", {}", plural(u64::from(self.reads), "read"))?;
        }
        if self.clients && self.load.is_none() {
            write!(f, ", clients")?;
        }
        if self.lossy {
            write!(f, ", lossy")?;
        }
        Ok(())
    }
}

/// Which replicas are Byzantine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Byzantine {
    /// Every placement of this many, up to symmetry.
    Count(u16),
    /// These.
    Ids(Vec<ReplicaId>),
}

impl std::str::FromStr for Byzantine {
    type Err = String;

    /// Reads a count (`1`) or replicas (`r0`, `r0,r3`; a list of plain numbers is one of replicas).
    fn from_str(text: &str) -> Result<Self, String> {
        let error = || {
            format!(
                "'{text}' is neither a count of Byzantine replicas (as in 1) nor a list of them (as in r0,r2)"
            )
        };
        let names_ids = text.contains(',') || text.contains('r');
        if !names_ids {
            return text.trim().parse().map(Byzantine::Count).map_err(|_| error());
        }
        let ids: Result<Vec<ReplicaId>, _> = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| part.trim_start_matches('r').parse().map(ReplicaId))
            .collect();
        ids.map(|ids| Byzantine::Ids(ids.into_iter().sorted().dedup().collect())).map_err(|_| error())
    }
}

/// The placements to run: every set of that many Byzantine replicas, up to symmetry. Replicas that are
/// primary in no explored view are interchangeable: their numbers are used nowhere else. Where the rulebook panics when
/// it is asked who is primary, none are.
pub fn placements(
    byzantine: &Byzantine,
    committee: Committee,
    views: u64,
    rules: &dyn Rules,
) -> Vec<Vec<ReplicaId>> {
    let count = match byzantine {
        Byzantine::Ids(ids) => return vec![ids.clone()],
        Byzantine::Count(count) => usize::from(*count),
    };
    let primaries = guarded(|| (0..views).map(|v| rules.primary(committee, View(v))).collect());
    let primaries: BTreeSet<_> = primaries.unwrap_or_else(|_| committee.replicas().collect());
    let (leaders, others): (Vec<_>, Vec<_>) = committee.replicas().partition(|id| primaries.contains(id));
    // Some of the leaders; the rest from the others, who are as good as each other.
    (0..=count.min(leaders.len()))
        .rev()
        .filter(|&led| count - led <= others.len())
        .flat_map(|led| {
            let rest = &others[..count - led];
            leaders
                .iter()
                .copied()
                .combinations(led)
                .map(move |ids| ids.into_iter().chain(rest.to_vec()).sorted().collect())
        })
        .collect()
}

/// A bound filled with life: replicas, keys and requests.
#[derive(Clone, Debug)]
pub struct System {
    bound: Bound,
    setting: Arc<Setting>,
    rules: &'static dyn Rules,
    honest: Vec<Replica>,
    byzantine: Vec<SigningKey>,
    keys: Vec<SigningKey>,
    clients: Vec<Client>,
    requests: Vec<SignedRequest>,
    forged: SignedRequest,
    open: bool,
    client_keys: Vec<SigningKey>,
    singles: Arc<OnceLock<BTreeMap<Digest, Batch>>>,
    only: Option<View>,
    conduct: Option<Conduct>,
}

impl System {
    /// What clients ask for.
    pub const OPERATION: &'static [u8] = b"op";

    /// The system that a bound describes, under a rulebook.
    ///
    /// # Errors
    /// A bound that makes no sense.
    pub fn new(bound: Bound, rules: &'static dyn Rules) -> Result<Self, BoundError> {
        let committee = bound.validate()?;
        // What others ask than those who take part is no part of what happens.
        let (rules, lenient) = lenient(rules);
        let keys = KeySet::symbolic(bound.replicas, bound.requests + bound.reads);
        let setting = Arc::new(Setting {
            window: bound.watermarks(),
            checkpoint_interval: bound.checkpoint_interval(),
            max_batch: bound.load.map_or(1, |load| load.batch as usize),
            max_in_flight: bound.load.map_or(bound.slots, |load| u64::from(load.in_flight)),
            ..Setting::new(committee, keys.ring.clone())
        });
        let (byzantine, honest): (Vec<_>, Vec<_>) = keys
            .replicas
            .iter()
            .cloned()
            .partition(|key| key.owner().replica().is_some_and(|id| bound.byzantine.contains(&id)));
        let honest: Result<Vec<_>, Refusal> =
            honest.into_iter().map(|key| Replica::new(key, Arc::clone(&setting), rules)).collect();
        let honest = honest.map_err(|_| BoundError::NobodyHonest(bound.byzantine.len(), bound.replicas))?;
        let request = |client: u32, timestamp: u64, operation: &[u8]| Request {
            client: ClientId(client),
            timestamp: Timestamp(timestamp),
            operation: Arc::from(operation),
        };
        let readers = if lenient.serves_reads() { bound.reads as usize } else { 0 };
        let writers = &keys.clients[..keys.clients.len() - readers];
        let requests =
            writers.iter().zip(0..).map(|(key, i)| key.sign(request(i, 1, System::OPERATION))).collect();
        let take_part = bound.clients || readers > 0 || bound.load.is_some();
        let clients = keys.clients.iter().filter(|_| take_part);
        let clients: Result<Vec<_>, Refusal> =
            clients.map(|key| Client::new(key.clone(), Arc::clone(&setting), rules)).collect();
        let clients = clients.map_err(|_| BoundError::Zero("requests"))?;
        // What no client ever asked for, under the name of client 0: signed by whoever is at hand.
        let forger = byzantine.first().unwrap_or(&keys.replicas[0]);
        let unused = bound.load.map_or(2, |load| u64::from(load.operations) + 1);
        let forged = forger.sign(request(0, unused, b"forged"));
        // A rulebook may look at the name under a request, and not at the signature.
        let in_its_name = Signed::forged(Principal::Client(ClientId(0)), request(0, unused, b"forged"));
        let is_believed = |request| lenient.authentic(&setting, request);
        let forged = if is_believed(&in_its_name) && !is_believed(&forged) { in_its_name } else { forged };
        let open = bound.load.is_some();
        let KeySet { replicas: keys, clients: client_keys, .. } = keys;
        Ok(System {
            bound,
            setting,
            rules: lenient,
            honest,
            byzantine,
            keys,
            clients,
            requests,
            forged,
            open,
            client_keys,
            singles: Arc::default(),
            only: None,
            conduct: None,
        })
    }

    /// The same system with nothing that it could do withheld for lack of time: timers fire in the last
    /// view of the bound too, and lead out of it; everybody hears the requests; replicas tell each other
    /// what was decided.
    ///
    /// # Errors
    /// A bound that makes no sense.
    pub fn open(bound: Bound, rules: &'static dyn Rules) -> Result<Self, BoundError> {
        Ok(System { open: true, ..System::new(bound, rules)? })
    }

    /// The same system in which nobody moves to another view than this one, the last of the bound.
    ///
    /// # Errors
    /// A bound that makes no sense.
    pub(super) fn of_last_view(bound: Bound, rules: &'static dyn Rules) -> Result<Self, BoundError> {
        let last = View(bound.views.saturating_sub(1));
        Ok(System { only: Some(last), ..System::new(bound, rules)? })
    }

    /// The views that replicas may move to, and the one that Byzantine replicas may ask for besides.
    pub(super) fn targets(&self) -> impl Iterator<Item = View> + Clone {
        let all = (1..self.bound.views).map(View);
        all.filter(|view| self.only.is_none_or(|only| only == *view)).chain(self.far_view())
    }

    /// Where liveness is asked for, the first view beyond the bound. It stands for all that are so far away: nobody honest
    /// has come near, so that it only matters that they are higher than all others. Whoever moves there leaves the
    /// bound, whichever of them it is.
    pub(super) fn far_view(&self) -> Option<View> {
        let asks = self.open && self.conduct.is_none() && !self.byzantine.is_empty() && !self.is_simulated();
        asks.then_some(View(self.bound.views))
    }

    /// The same system in which Byzantine replicas do a little of all that they may do.
    pub fn with_conduct(self, conduct: Conduct) -> Self {
        System { conduct: Some(conduct), ..self }
    }

    /// The little that Byzantine replicas do, if they do not do all that they may.
    pub fn conduct(&self) -> Option<Conduct> {
        self.conduct
    }

    /// Whether what Byzantine replicas send does not depend on what others have sent.
    pub fn is_silent(&self) -> bool {
        self.conduct.is_some()
    }

    /// Other numbers for the views from one on, `by` views up or down.
    pub fn renumbering(&self, from: View, by: i64) -> Renaming<'_> {
        Renaming { keys: &self.keys, from, by, names: None }
    }

    /// Whether it was made by [`Self::open`].
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether it is for a simulated run: what its adversary sends is not enumerated, but asked whether it
    /// can be made ([`Known`](super::Known)).
    pub fn is_simulated(&self) -> bool {
        self.bound.load.is_some()
    }

    /// Whether replicas send each other what they have decided: where there are checkpoints, by which one
    /// can lag behind, and where a system is to go on for ever.
    pub fn exchanges_states(&self) -> bool {
        self.open || self.has_checkpoints()
    }

    /// The bound.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// The setting that all replicas share.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// The rulebook, as it is asked by who is no replica: where it panics, it lets through what it was asked about, so
    /// that a replica panics over it; what cannot be answered so is raised as a [`Panicked`](super::Panicked). A system
    /// that is made with it, and replicas of that system, follow the rulebook itself.
    pub fn rules(&self) -> &'static dyn Rules {
        self.rules
    }

    /// The honest replicas, by number.
    pub fn honest(&self) -> &[Replica] {
        &self.honest
    }

    /// The Byzantine replicas' keys: all that makes them more than a network.
    pub fn byzantine(&self) -> &[SigningKey] {
        &self.byzantine
    }

    /// What the clients ask for.
    pub fn requests(&self) -> &[SignedRequest] {
        &self.requests
    }

    /// Everybody's keys: the replicas', by number, then the clients'.
    pub(super) fn keys(&self) -> Vec<SigningKey> {
        self.keys.iter().chain(&self.client_keys).cloned().collect()
    }

    /// The clients, if they take part.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Whether a client only reads.
    pub fn reads(&self, client: ClientId) -> bool {
        client.0 as usize >= self.requests.len()
    }

    /// Whether a client has not yet asked all that it is to ask.
    pub fn asks_again(&self, client: &ClientState) -> bool {
        let asked = client.accepted().map_or(0, |(timestamp, _)| timestamp.0);
        self.bound
            .load
            .is_some_and(|load| client.waiting_for().is_none() && asked < u64::from(load.operations))
    }

    /// Whether what clients are told is held against one sequential order. In a simulated run only as long as they
    /// are few: of those that wait, every order is tried.
    pub fn keeps_history(&self) -> bool {
        const CLIENTS: usize = 4;
        const REQUESTS: u64 = 64;
        let few = |load: Load| {
            let all = self.clients.len() as u64 * u64::from(load.operations);
            self.clients.len() <= CLIENTS && all <= REQUESTS
        };
        !self.clients.is_empty() && self.bound.load.is_none_or(few)
    }

    /// What a client asks next in a simulated run, if it has not asked all yet. Every other operation only reads,
    /// which makes a difference to a rulebook that does not order reads.
    pub fn next_operation(&self, client: &ClientState) -> Option<ClientInput<'static>> {
        let reads = client.accepted().is_some_and(|(timestamp, _)| timestamp.0 % 2 == 1);
        self.asks_again(client).then_some(ClientInput::Invoke { operation: Self::OPERATION, reads })
    }

    /// Whether a message is of the bound: no sequence number lies beyond its slots. That a primary's
    /// proposal for a later one arrives late is a behaviour like any other.
    pub fn is_explored(&self, message: &Message) -> bool {
        self.is_simulated() || !matches!(message, Message::PrePrepare(p) if p.seq().0 > self.bound.slots)
    }

    /// Whether a checkpoint is taken within the bound.
    pub fn has_checkpoints(&self) -> bool {
        self.is_simulated() || self.setting.checkpoint_interval <= self.bound.slots
    }

    /// What happens as a replica takes it, if it happens within the bound.
    pub fn as_input<'a>(&self, state: &State, stimulus: EventRef<'a>) -> Option<Input<'a>> {
        match stimulus {
            EventRef::Deliver(Message::Request(request)) if self.is_idle_repetition(state, request) => None,
            EventRef::Deliver(message) => Some(Input::Deliver(message)),
            EventRef::Timeout if self.may_time_out(state.view()) => Some(Input::Timeout),
            EventRef::Resend if self.is_simulated() => Some(Input::Retransmit),
            EventRef::Timeout | EventRef::Crash | EventRef::Invoke | EventRef::Resend => None,
        }
    }

    /// Whether a request was executed and would only bring the reply again, for which nobody waits where
    /// clients take no part.
    fn is_idle_repetition(&self, state: &State, request: &SignedRequest) -> bool {
        let last = state.last_reply(request.client).map(|last| last.timestamp);
        self.clients.is_empty() && last.is_some() && !self.rules.executes(last, request.timestamp)
    }

    /// A request that its client did not sign.
    pub fn forged(&self) -> &SignedRequest {
        &self.forged
    }

    /// Whether an honest replica's timer may fire in this view.
    pub fn may_time_out(&self, view: View) -> bool {
        self.open || view.0 + 1 < self.bound.views
    }

    /// Whether a request reaches a replica before a primary proposes it. In a bound of one view only
    /// who may propose needs it: a waiting request makes a backup's timer run, and none fires there.
    pub fn hears_requests(&self, id: ReplicaId) -> bool {
        let only = self.only.or((self.bound.views == 1).then_some(View(0)));
        let proposes = |view| self.rules.may_propose(self.setting.committee, view, id);
        self.open || only.is_none_or(proposes)
    }

    /// Everything that a Byzantine primary may want ordered: each request alone, the null request,
    /// and the forged one.
    pub fn batches(&self) -> Vec<Batch> {
        let singles = self.requests.iter().chain([&self.forged]).map(|r| Batch::new([r.clone()]));
        singles.chain([Batch::null()]).collect()
    }

    /// The batch with this digest, if it is one of [`Self::batches`] or, in a simulated run, of a single request.
    pub fn batch(&self, digest: Digest) -> Option<Batch> {
        match self.bound.load {
            None => self.batches().into_iter().find(|batch| batch.digest() == digest),
            Some(load) => self.singles.get_or_init(|| self.single_requests(&load)).get(&digest).cloned(),
        }
    }

    /// Every batch of one request that a client sends in a simulated run, as long as those are not too many.
    fn single_requests(&self, load: &Load) -> BTreeMap<Digest, Batch> {
        const MOST: usize = 4096;
        let requests = self.client_keys.iter().zip(&self.requests).flat_map(|(key, first)| {
            (1..=u64::from(load.operations)).map(|timestamp| {
                key.sign(Request { timestamp: Timestamp(timestamp), ..first.message().clone() })
            })
        });
        let batches = requests.take(MOST).chain([self.forged.clone()]).map(|request| Batch::new([request]));
        batches.chain([Batch::null()]).map(|batch| (batch.digest(), batch)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pbft::Castro99;

    fn ids(placements: &[Vec<ReplicaId>]) -> Vec<Vec<u16>> {
        placements.iter().map(|ids| ids.iter().map(|id| id.0).collect()).collect()
    }

    #[test]
    fn placements_differ_in_the_primaries_that_they_hold() {
        let place = |count, n, views| {
            let committee = Committee::new(n, (n - 1) / 3).expect("a sound committee");
            ids(&placements(&Byzantine::Count(count), committee, views, &Castro99))
        };
        assert_eq!(place(1, 4, 2), [vec![0], vec![1], vec![2]]);
        assert_eq!(place(1, 4, 4), [vec![0], vec![1], vec![2], vec![3]]);
        assert_eq!(place(2, 7, 2), [vec![0, 1], vec![0, 2], vec![1, 2], vec![2, 3]]);
        assert_eq!(place(0, 4, 2), [Vec::<u16>::new()]);
        assert_eq!(place(10, 32, 1).len(), 2);
    }

    #[test]
    fn byzantine_replicas_are_a_count_or_a_list() {
        let ids = |ids: &[u16]| Ok(Byzantine::Ids(ids.iter().copied().map(ReplicaId).collect()));
        assert_eq!("2".parse(), Ok(Byzantine::Count(2)));
        assert_eq!("r2".parse(), ids(&[2]));
        assert_eq!("3, r1,1".parse(), ids(&[1, 3]));
        assert!("two".parse::<Byzantine>().is_err());
    }
}

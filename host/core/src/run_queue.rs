//! Whose work runs next, and whose turn that spins: each source has its share of the time, however many actors it has.
//!
//! Start-time fair queueing. Every flow has a *pass*, the time that it has had; what waits of the flow with the least pass
//! runs next. The *floor* is the pass up to which everybody has had their due: whoever had nothing to do begins there, so that
//! no time is saved up by sleeping. Within a flow lanes share in the same way what the flow has.
//!
//! ```text
//!  push ─► flow A: light · start · heavy · runaway ─┐
//!  push ─► flow B: light · start · heavy · runaway ─┼─► pop: least pass, and a guess of what it takes is added
//!                                                   │          │
//!  spend: has run without waiting here ─► pass      └──────────▼ charge: the guess becomes what it has taken
//! ```
//!
//! It knows neither clock nor thread: the time used is told, and what runs is anything.

#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use crate::limits::{ACTIVATION_TIME_MAX, HEAVY_TIME_MIN, RUN_GUESS_FIRST};

/// The kinds of work of one flow, which share its time: so those that take little do not wait for many that take much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Takes little, by what it took last.
    Light,
    /// Starts: an instance is made, or a class is asked.
    Start,
    /// Takes much, by what it took last.
    Heavy,
    /// Goes on with a turn that has outlived its slice.
    Runaway,
}

impl Lane {
    /// The lane for what comes behind work of this one that took so much CPU time. A start tells nothing of the messages
    /// behind it.
    #[must_use]
    pub fn behind(self, cpu: Duration) -> Self {
        match self {
            Self::Runaway => Self::Heavy,
            Self::Light | Self::Heavy if cpu >= HEAVY_TIME_MIN => Self::Heavy,
            Self::Light | Self::Heavy | Self::Start => Self::Light,
        }
    }

    /// The part of the flow's time that it has, where all lanes have work. Those that take little have most of it, or a crowd
    /// would wait for as long again as its messages take as soon as one of it takes much.
    const fn weight(self) -> u64 {
        match self {
            Self::Light => 4,
            Self::Start => 2,
            Self::Heavy | Self::Runaway => 1,
        }
    }
}

const LANES: [Lane; 4] = [Lane::Light, Lane::Start, Lane::Heavy, Lane::Runaway];

/// A piece of work that was taken out, and has to be charged.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "its flow is charged by a guess until it is charged by what was used"]
pub struct Ticket<K> {
    flow: K,
    lane: Lane,
    guess: u64,
}

impl<K: Copy> Ticket<K> {
    /// The flow that is charged.
    pub const fn flow(&self) -> K {
        self.flow
    }

    /// The lane that is charged.
    pub const fn lane(&self) -> Lane {
        self.lane
    }
}

/// Bounds on turns that outlive their slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunawayBounds {
    /// Those there may be, but for turns that had begun by then, and one of each flow.
    pub all_max: usize,
    /// Those that may run at one time.
    pub running_max: usize,
}

/// Work that waits to be run, of flows that share the time.
#[derive(Debug)]
pub struct RunQueue<K, T> {
    /// Work that nobody may hold up, and whose it is.
    first: VecDeque<(K, T)>,
    /// Whether some of that was taken last.
    was_first: bool,
    flows: BTreeMap<K, Flow<T>>,
    /// Flows for which something waits, by their passes.
    waiting: BTreeSet<(u64, K)>,
    /// Flows for which there is nothing but that they have had more than their due.
    ahead: BTreeSet<(u64, K)>,
    floor: u64,
    len: usize,
    under_way: usize,
    runaways: Runaways,
    /// All that each flow has ever used, for whoever wants to know.
    used: BTreeMap<K, Duration>,
}

#[derive(Debug)]
struct Runaways {
    bounds: RunawayBounds,
    all: usize,
    running: usize,
}

#[derive(Debug)]
struct Flow<T> {
    pass: u64,
    lanes: [LaneQueue<T>; LANES.len()],
    len: usize,
    under_way: usize,
    runaways: usize,
}

#[derive(Debug)]
struct LaneQueue<T> {
    pass: u64,
    /// The running mean of what a piece takes, in ns.
    guess: u64,
    items: VecDeque<T>,
}

impl<T> Flow<T> {
    fn new(floor: u64) -> Self {
        let lane = |_| LaneQueue { pass: 0, guess: nanos(RUN_GUESS_FIRST), items: VecDeque::new() };
        Self { pass: floor, lanes: LANES.map(lane), len: 0, under_way: 0, runaways: 0 }
    }

    /// The lane whose work runs next, and a piece of it.
    fn next(&self, runaways: &Runaways) -> Option<(Lane, &T)> {
        let may_start = runaways.may_start(self.runaways);
        let may = |lane: Lane| if lane == Lane::Runaway { runaways.may_go_on() } else { may_start };
        let waiting = LANES.into_iter().filter(|lane| may(*lane));
        let fronts = waiting.filter_map(|lane| Some((lane, self.lanes[lane as usize].items.front()?)));
        fronts.min_by_key(|(lane, _)| self.lanes[*lane as usize].pass)
    }

    /// No lane saves up what it did not use, be it that it had nothing or that it had to wait for turns to end: all others
    /// that may run have had as much.
    fn lift_lanes(&mut self, pass: u64) {
        for lane in &mut self.lanes {
            lane.pass = lane.pass.max(pass);
        }
    }

    /// Work of a lane has run beside the order. What it had at the expense of lanes that wait is not held against it for ever: the
    /// same flow chose the order.
    fn spend(&mut self, lane: Lane, used: u64) {
        let waiting = self.lanes.iter().filter(|lane| !lane.items.is_empty());
        let most = waiting.map(|lane| lane.pass + nanos(ACTIVATION_TIME_MAX)).min().unwrap_or(u64::MAX);
        let queue = &mut self.lanes[lane as usize];
        queue.pass = (queue.pass + used / lane.weight()).min(most.max(queue.pass));
    }

    /// A flow that had nothing to do begins where the others are.
    fn begin(&mut self, floor: u64) {
        if self.len == 0 {
            self.pass = self.pass.max(floor);
        }
    }

    const fn is_at_rest(&self) -> bool {
        self.len == 0 && self.under_way == 0 && self.runaways == 0
    }
}

impl Runaways {
    /// Whether a flow with so many may start a turn, of which nobody knows how long it takes: unless it has more than half of
    /// what the others leave. A flow that has none always may, or those of others could keep it from beginning at all.
    const fn may_start(&self, of_flow: usize) -> bool {
        let left = self.bounds.all_max.saturating_sub(self.all - of_flow);
        of_flow == 0 || (of_flow < left && of_flow <= left / 2)
    }

    const fn may_go_on(&self) -> bool {
        self.running < self.bounds.running_max
    }
}

impl<K: Copy + Ord, T> RunQueue<K, T> {
    /// Nothing waits yet.
    #[must_use]
    pub const fn new(bounds: RunawayBounds) -> Self {
        Self {
            first: VecDeque::new(),
            was_first: false,
            flows: BTreeMap::new(),
            waiting: BTreeSet::new(),
            ahead: BTreeSet::new(),
            floor: 0,
            len: 0,
            under_way: 0,
            runaways: Runaways { bounds, all: 0, running: 0 },
            used: BTreeMap::new(),
        }
    }

    /// Work that waits, also for others of its flow to end.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Turns that have outlived their slice and not ended.
    #[must_use]
    pub const fn runaways(&self) -> usize {
        self.runaways.all
    }

    /// Time that a flow has used, since it was forgotten last.
    #[must_use]
    pub fn used(&self, flow: K) -> Duration {
        self.used.get(&flow).copied().unwrap_or_default()
    }

    /// Nobody will ask any more what a flow has used.
    pub fn forget_used(&mut self, flow: K) {
        self.used.remove(&flow);
    }

    /// Has a piece of work wait, behind all of the same lane.
    pub fn push(&mut self, flow: K, lane: Lane, item: T) {
        let (floor, known) = self.take_out(flow);
        known.begin(floor);
        known.lanes[lane as usize].items.push_back(item);
        known.len += 1;
        self.len += 1;
        self.put_back(flow);
    }

    /// Has work run before what waits, also where its flow may start nothing: it is to be short. Of each two pieces that are
    /// taken out one is of the others, for these are many where a large family is killed.
    pub fn push_first(&mut self, flow: K, item: T) {
        self.first.push_back((flow, item));
        self.len += 1;
    }

    fn is_firsts_turn(&self) -> bool {
        !self.first.is_empty() && (!self.was_first || self.next().is_none())
    }

    /// The work that runs next.
    #[must_use]
    pub fn peek(&self) -> Option<&T> {
        if self.is_firsts_turn() {
            return self.first.front().map(|(_, item)| item);
        }
        self.next().map(|(_, _, item)| item)
    }

    fn next(&self) -> Option<(K, Lane, &T)> {
        self.waiting.iter().find_map(|(_, key)| {
            let (lane, item) = self.flows.get(key)?.next(&self.runaways)?;
            Some((*key, lane, item))
        })
    }

    /// Takes out the work that runs next.
    pub fn pop(&mut self) -> Option<(Ticket<K>, T)> {
        self.was_first = self.is_firsts_turn();
        if self.was_first { self.pop_first() } else { self.pop_next() }
    }

    fn pop_first(&mut self) -> Option<(Ticket<K>, T)> {
        let (key, item) = self.first.pop_front()?;
        let (floor, flow) = self.take_out(key);
        flow.begin(floor);
        flow.under_way += 1;
        self.len -= 1;
        self.under_way += 1;
        self.put_back(key);
        // Nothing is guessed, for it is short.
        Some((Ticket { flow: key, lane: Lane::Start, guess: 0 }, item))
    }

    fn pop_next(&mut self) -> Option<(Ticket<K>, T)> {
        let (key, lane, _) = self.next()?;
        self.lift_blocked(key);
        let flow = self.flows.get_mut(&key)?;
        self.waiting.remove(&(flow.pass, key));
        let floor = self.floor.max(flow.pass);
        flow.lift_lanes(flow.lanes[lane as usize].pass);
        let queue = &mut flow.lanes[lane as usize];
        let item = queue.items.pop_front()?;
        let guess = queue.guess;
        queue.pass += guess / lane.weight();
        flow.pass += guess;
        flow.len -= 1;
        flow.under_way += 1;
        self.len -= 1;
        self.under_way += 1;
        self.runaways.running += usize::from(lane == Lane::Runaway);
        self.floor = floor;
        self.put_back(key);
        self.forget_up_to_floor();
        Some((Ticket { flow: key, lane, guess }, item))
    }

    /// Flows before `key`, all of whose work has to wait for turns to end, save nothing up meanwhile.
    fn lift_blocked(&mut self, key: K) {
        let Some(pass) = self.flows.get(&key).map(|flow| flow.pass) else { return };
        while let Some(&(blocked_pass, blocked)) = self.waiting.first()
            && blocked_pass < pass
        {
            self.waiting.remove(&(blocked_pass, blocked));
            self.waiting.insert((pass, blocked));
            if let Some(flow) = self.flows.get_mut(&blocked) {
                flow.pass = pass;
            }
        }
    }

    /// Work that was taken out has run for so long, and ended or waits again.
    pub fn charge(&mut self, ticket: Ticket<K>, used: Duration) {
        let Ticket { flow: key, lane, guess } = ticket;
        *self.used.entry(key).or_default() += used;
        let used = nanos(used);
        let (_, flow) = self.take_out(key);
        flow.pass = flow.pass + used - guess;
        flow.under_way -= 1;
        let queue = &mut flow.lanes[lane as usize];
        queue.pass = queue.pass + used / lane.weight() - guess / lane.weight();
        queue.guess = (7 * queue.guess + used) / 8;
        self.under_way -= 1;
        self.runaways.running -= usize::from(lane == Lane::Runaway);
        self.put_back(key);
    }

    /// Work of a flow has run for so long that never waited here.
    pub fn spend(&mut self, flow: K, lane: Lane, used: Duration) {
        *self.used.entry(flow).or_default() += used;
        let used = nanos(used);
        let (floor, known) = self.take_out(flow);
        known.begin(floor);
        known.pass += used;
        known.spend(lane, used);
        self.put_back(flow);
    }

    /// Whether work of a flow may run that never waits here: nothing keeps it from beginning, and it has not had much more than
    /// its due.
    #[must_use]
    pub fn may_go_ahead(&self, flow: K) -> bool {
        let Some(flow) = self.flows.get(&flow) else { return self.runaways.may_start(0) };
        self.runaways.may_start(flow.runaways) && flow.pass <= self.floor + nanos(ACTIVATION_TIME_MAX)
    }

    /// A turn of a flow has outlived its slice.
    pub fn begin_runaway(&mut self, flow: K) {
        self.take_out(flow).1.runaways += 1;
        self.runaways.all += 1;
        self.put_back(flow);
    }

    /// A turn that had outlived its slice has ended.
    pub fn end_runaway(&mut self, flow: K) {
        self.take_out(flow).1.runaways -= 1;
        self.runaways.all -= 1;
        self.put_back(flow);
    }

    /// Takes out the first piece of a lane for which `is_it` holds: it is not to run.
    pub fn take_back(&mut self, flow: K, lane: Lane, is_it: impl FnMut(&T) -> bool) -> Option<T> {
        let (_, known) = self.take_out(flow);
        let items = &mut known.lanes[lane as usize].items;
        let taken = items.iter().position(is_it).and_then(|place| items.remove(place));
        known.len -= usize::from(taken.is_some());
        self.len -= usize::from(taken.is_some());
        self.put_back(flow);
        taken
    }

    /// All turns that wait to go on.
    pub fn waiting_runaways(&self) -> impl Iterator<Item = &T> {
        self.flows.values().flat_map(|flow| &flow.lanes[Lane::Runaway as usize].items)
    }

    /// Takes out all that waits: nothing is to run any more.
    pub fn clear(&mut self) -> Vec<T> {
        self.waiting.clear();
        self.len = 0;
        let all = self.flows.values_mut().flat_map(|flow| {
            flow.len = 0;
            flow.lanes.iter_mut().flat_map(|lane| lane.items.drain(..))
        });
        all.chain(self.first.drain(..).map(|(_, item)| item)).collect()
    }

    /// A flow, out of the order until [`Self::put_back`], and the floor.
    fn take_out(&mut self, key: K) -> (u64, &mut Flow<T>) {
        let flow = self.flows.entry(key).or_insert_with(|| Flow::new(self.floor));
        if !self.waiting.remove(&(flow.pass, key)) {
            self.ahead.remove(&(flow.pass, key));
        }
        (self.floor, flow)
    }

    fn put_back(&mut self, key: K) {
        let Some(flow) = self.flows.get(&key) else { return };
        if flow.len > 0 {
            self.waiting.insert((flow.pass, key));
        } else if flow.is_at_rest() {
            if flow.pass > self.floor {
                self.ahead.insert((flow.pass, key));
            } else {
                self.flows.remove(&key);
            }
        }
        if self.len == 0 && self.under_way == 0 {
            // Nobody competes: what was had then is had at nobody's expense.
            self.floor = self.ahead.last().map_or(self.floor, |(pass, _)| self.floor.max(*pass));
            self.forget_up_to_floor();
        }
    }

    /// Flows that are not ahead any more are as if they had never been.
    fn forget_up_to_floor(&mut self) {
        while let Some(&(pass, key)) = self.ahead.first()
            && pass <= self.floor
        {
            self.ahead.remove(&(pass, key));
            self.flows.remove(&key);
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

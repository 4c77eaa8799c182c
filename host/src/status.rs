//! A node and its actors, as they are shown: what `Admin` knows of them is copied at the desk, and at most of a page of
//! them at one time; all else is read, put together and sorted by whoever asks.

use std::time::Duration;

use sha2::{Digest, Sha256};
use thespian_core::address::ActorAddress;
use thespian_core::admin::Admin;
use thespian_core::budget::{Account, MemoryPart};
use thespian_core::family::Member;
use thespian_core::limits::{
    ACTORS_PAGE_LEN_MAX, SOURCES_AT_ONCE_MAX, STATUS_CHILDREN_MAX, STATUS_LOGGED_ACTORS_MAX,
    STATUS_NAMES_MAX, STATUS_ORPHANS_MAX, STATUS_SOURCES_MAX,
};
use thespian_core::log_level::LogLevel;
use thespian_core::question::Refusal;
use thespian_core::source::SourceHash;
use thespian_core::text::inert;
use thespian_core::time::Time;
use thespian_core::turn::Wait;
use thespian_core::wire::control::{
    ActorFilter, ActorPage, ActorPhase, ActorReport, ActorStatus, ActorWait, CompilerStatus, ControlError,
    EndedActor, LongTurn, MemoryStatus, NameStatus, NodeStatus, PartStatus, PendingSource, Reply,
    SourceBrief, SourceReport, SourceStatus, UseStatus,
};

use crate::answers::Answered;
use crate::inside::Inside;
use crate::sandbox::CompilerPlace;
use crate::store::log_file::LogFile;

/// An actor as `Admin` knows it. To copy no more keeps the desk free.
struct Listed {
    address: ActorAddress,
    class: String,
    source: Option<SourceHash>,
    parent: Option<ActorAddress>,
    name: Option<Box<str>>,
    exit_deadline: Option<Time>,
    children: usize,
    is_orphan: bool,
    log_level: LogLevel,
}

impl Listed {
    fn new(admin: &Admin, address: ActorAddress, member: &Member) -> Self {
        Self {
            address,
            class: member.class.clone(),
            source: member.source,
            parent: member.parent,
            name: member.name.clone(),
            exit_deadline: member.exit_deadline(),
            children: member.children_len(),
            is_orphan: member.is_orphan(),
            log_level: admin.log_levels().of(address, member.source),
        }
    }

    fn find(admin: &Admin, address: ActorAddress) -> Option<Self> {
        admin.family().get(address).map(|member| Self::new(admin, address, member))
    }

    /// Together with how its cell is.
    fn status(self, inside: &Inside) -> ActorStatus {
        let now = inside.plane.clock.now();
        // One whose end `Admin` has yet to hear of is listed: only then has its parent been told.
        let (shown, (len, bytes)) = inside.cells.shown(self.address, now);
        let mailbox_len = len as u64 + shown.taken;
        ActorStatus {
            address: self.address,
            class: self.class,
            source: self.source.unwrap_or(SourceHash([0; 32])),
            parent: self.parent,
            name: self.name.map(String::from),
            phase: if self.exit_deadline.is_some() { ActorPhase::Exiting } else { shown.phase },
            incarnation: shown.incarnation,
            restarts: shown.restarts,
            mailbox_len,
            mailbox_bytes: bytes as u64,
            turns: shown.turns,
            poisoned: shown.poisoned,
            wakeups: shown.wakeups,
            children: self.children as u64,
            is_orphan: self.is_orphan,
            sent: shown.sent,
            undelivered: shown.undelivered,
            busy_us: u64::try_from(shown.busy.as_micros()).unwrap_or(u64::MAX),
            memory_bytes: shown.memory_bytes,
            log_level: self.log_level,
            in_turn_ms: shown.in_turn.map(millis),
            oldest_ms: shown.oldest.filter(|_| mailbox_len > 0 || shown.in_turn.is_some()).map(millis),
            waits: waits(self.exit_deadline, shown.wait, now),
        }
    }
}

/// A page of the actors: those behind an address that a filter lets pass.
///
/// # Errors
/// The filter names no source, or the node has stopped.
pub(crate) async fn actors(
    inside: &Inside,
    after: Option<ActorAddress>,
    filter: ActorFilter,
) -> Result<ActorPage, ControlError> {
    let phase = filter.phase;
    let (listed, more_after) = inside.desk.look(move |admin| list(admin, after, &filter)).await??;
    let actors = listed.into_iter().map(|listed| listed.status(inside));
    let actors = actors.filter(|actor| phase.is_none_or(|phase| actor.phase == phase)).collect();
    Ok(ActorPage { actors, more_after })
}

/// Looks at as many as a page can have, and no further, however few pass: nobody else has the desk meanwhile.
fn list(
    admin: &Admin,
    after: Option<ActorAddress>,
    filter: &ActorFilter,
) -> Result<(Vec<Listed>, Option<ActorAddress>), ControlError> {
    let ActorFilter { class, source, name, phase: _ } = filter;
    let source = source
        .as_deref()
        .map(|source| admin.sources().find(source))
        .transpose()
        .map_err(ControlError::from)?;
    let passes = |member: &Member| {
        class.as_ref().is_none_or(|class| member.class == *class)
            && source.is_none_or(|source| member.source == Some(source))
            && name.as_deref().is_none_or(|name| member.name.as_deref() == Some(name))
    };
    let mut members = admin.family().after(after);
    let (mut listed, mut last) = (Vec::new(), None);
    for (address, member) in members.by_ref().take(ACTORS_PAGE_LEN_MAX) {
        last = Some(address);
        if passes(member) {
            listed.push(Listed::new(admin, address, member));
        }
    }
    Ok((listed, members.next().and(last)))
}

/// How an actor or the node is, for someone outside.
///
/// # Errors
/// There is no such actor, or the node has stopped.
pub(crate) async fn answer(inside: &Inside, about: Option<ActorAddress>) -> Answered {
    Ok(match about {
        Some(target) => Reply::Actor(Box::new(report(inside, target).await?)),
        None => Reply::Status(Box::new(node(inside).await?)),
    })
}

/// An actor and its children.
async fn report(inside: &Inside, target: ActorAddress) -> Result<ActorReport, ControlError> {
    let family = move |admin: &Admin| {
        let children = admin.family().get(target).into_iter().flat_map(Member::children);
        let children = children.take(STATUS_CHILDREN_MAX).filter_map(|child| Listed::find(admin, child));
        Listed::find(admin, target).map(|actor| (actor, children.collect::<Vec<_>>()))
    };
    let (actor, children) = inside.desk.look(family).await?.ok_or_else(|| gone(inside, target))?;
    let children = children.into_iter().map(|child| child.status(inside)).collect();
    Ok(ActorReport { actor: actor.status(inside), children })
}

/// An actor that is not there: how it ended, as far as that is remembered.
fn gone(inside: &Inside, target: ActorAddress) -> ControlError {
    match inside.ends.of(target) {
        Some(EndedActor { class, reason, .. }) => ControlError::ActorEnded { target, class, reason },
        None => ControlError::TargetDead { target },
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

fn waits(exit_deadline: Option<Time>, wait: Option<Wait>, now: Time) -> Option<ActorWait> {
    let left_ms = |until: Time| millis(until.since(now));
    match (wait, exit_deadline) {
        (Some(Wait { until, why, receivers }), _) => {
            Some(ActorWait { why, left_ms: left_ms(until), receivers })
        }
        (None, Some(deadline)) => Some(ActorWait {
            why: "its children exit first; then it is killed".to_string(),
            left_ms: left_ms(deadline),
            receivers: Vec::new(),
        }),
        (None, None) => None,
    }
}

/// The status of an actor, or of the node, for an actor that asks.
///
/// # Errors
/// There is no such actor.
pub(crate) async fn json(inside: &Inside, about: Option<ActorAddress>) -> Result<String, String> {
    let json = match about {
        None => node(inside).await.map(|status| serde_json::to_string(&status)),
        Some(address) => actor(inside, address).await.map(|status| serde_json::to_string(&status)),
    };
    json.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

async fn actor(inside: &Inside, target: ActorAddress) -> Result<ActorStatus, ControlError> {
    let listed = inside.desk.look(move |admin| Listed::find(admin, target)).await?;
    listed.map(|listed| listed.status(inside)).ok_or_else(|| gone(inside, target))
}

/// The sources, by hash. Those of each look are true for its moment.
///
/// # Errors
/// The node has stopped.
pub(crate) async fn sources(inside: &Inside) -> Result<Vec<SourceStatus>, ControlError> {
    let mut sources: Vec<SourceStatus> = Vec::new();
    loop {
        let after = sources.last().map(|source| source.hash);
        let next = move |admin: &Admin| {
            admin.sources().after(after).take(SOURCES_AT_ONCE_MAX).map(SourceStatus::from).collect::<Vec<_>>()
        };
        let next = inside.desk.look(next).await?;
        if next.is_empty() {
            return Ok(sources);
        }
        sources.extend(
            next.into_iter().map(|source| SourceStatus { uses: of_source(inside, source.hash), ..source }),
        );
    }
}

/// Everything about one source.
///
/// # Errors
/// No source has this hash, several begin so, or the node has stopped.
pub(crate) async fn source(inside: &Inside, source: String) -> Result<Reply, ControlError> {
    let find = move |admin: &Admin| {
        let hash = admin.sources().find(&source)?;
        let mut known = admin.sources().iter();
        let found = known.find(|(known, _)| *known == hash).map(SourceReport::from);
        found.ok_or(Refusal::UnknownSource { source_hash: source })
    };
    let mut report = inside.desk.look(find).await?.map_err(ControlError::from)?;
    let hash = report.status.hash;
    report.status.uses = of_source(inside, hash);
    let (_, papers) = inside.library.papers(hash);
    report.manifest = papers.manifest.as_deref().map(|text| String::from_utf8_lossy(text).into_owned());
    report.manifest_sha256 = papers.manifest.as_deref().map(|text| SourceHash(Sha256::digest(text).into()));
    report.signatures = papers.signatures.len() as u64;
    Ok(Reply::Source(Box::new(report)))
}

/// The sources that wait for a person.
///
/// # Errors
/// The node ends.
pub(crate) async fn pending(inside: &Inside) -> Result<Vec<PendingSource>, ControlError> {
    let now = inside.plane.clock.now();
    let list = move |admin: &Admin| {
        let sources = admin.sources();
        let waiting = sources.pending().filter_map(|(hash, source)| {
            let wishes = source.pending()?.clone();
            let left = sources.due(hash)? - now;
            let (name, version) = wishes.named.unzip();
            Some(PendingSource {
                hash,
                label: source.submitted_as().to_owned(),
                size: source.size(),
                loader: source.terms().by,
                name,
                version,
                wants: wishes.wanted,
                limits: wishes.limits,
                left_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            })
        });
        waiting.collect()
    };
    inside.desk.look(list).await
}

/// Everything that the actors of a source have.
fn of_source(inside: &Inside, source: SourceHash) -> UseStatus {
    let account = inside.plane.accounts.known(source);
    let cpu = inside.cells.pool().used(source);
    account.map(|account| uses(&account, cpu)).unwrap_or_default()
}

/// A node as `Admin` knows it.
struct Overview {
    stopping: bool,
    authority_actor: Option<ActorAddress>,
    verdicts_ignored: u64,
    actors: usize,
    sources_loaded: usize,
    sources_known: usize,
    first_sources: Vec<SourceBrief>,
    names: usize,
    first_names: Vec<NameStatus>,
    dead_letter_handler: Option<ActorAddress>,
    log_level: LogLevel,
    orphans: usize,
    first_orphans: Vec<ActorAddress>,
    /// The classes of actors that were asked for.
    classes: Vec<String>,
}

impl Overview {
    fn new(admin: &Admin, of: impl Iterator<Item = ActorAddress>) -> Self {
        let class = |actor| admin.family().get(actor).map(|member| member.class.clone()).unwrap_or_default();
        Self {
            stopping: admin.is_stopping(),
            authority_actor: admin.authority().actor_judge().map(|judge| judge.address),
            verdicts_ignored: admin.authority().ignored(),
            actors: admin.family().len(),
            sources_loaded: admin.sources().loaded_len(),
            sources_known: admin.sources().iter().len(),
            first_sources: admin.sources().iter().take(STATUS_SOURCES_MAX).map(SourceBrief::from).collect(),
            names: admin.names().iter().len(),
            first_names: admin.names().iter().take(STATUS_NAMES_MAX).map(name).collect(),
            dead_letter_handler: admin.dead_letter_handler(),
            log_level: admin.log_levels().node().0,
            orphans: admin.family().orphans().len(),
            first_orphans: admin.family().orphans().take(STATUS_ORPHANS_MAX).collect(),
            classes: of.map(class).collect(),
        }
    }
}

/// The node's memory, and its parts.
fn memory(inside: &Inside) -> MemoryStatus {
    let accounts = &inside.plane.accounts;
    let budget = accounts.budget();
    let part =
        |part: &MemoryPart| PartStatus { name: part.name().to_string(), bytes: budget.part(*part) as u64 };
    MemoryStatus {
        bytes: budget.used().memory_bytes as u64,
        bytes_max: budget.bounds().memory_bytes as u64,
        bytes_max_reason: inside.setup.memory_bytes_max_reason.clone(),
        kept_bytes: (budget.places_most().saturating_sub(budget.used().places)
            * inside.library.engine().kept_bytes()) as u64,
        parts: MemoryPart::ALL.iter().map(part).collect(),
        programs: uses(accounts.outside(), Duration::ZERO),
    }
}

/// The state of an account, and its worst.
fn uses(account: &Account, cpu: Duration) -> UseStatus {
    let (has, most) = (account.has(), account.most());
    UseStatus {
        memory_bytes: has.memory_bytes as u64,
        memory_bytes_most: most.memory_bytes as u64,
        queued_bytes: has.queued_bytes as u64,
        queued_bytes_most: most.queued_bytes as u64,
        places: has.places as u64,
        places_most: most.places as u64,
        refusals: account.refusals(),
        cpu_us: u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX),
    }
}

fn compiler(place: CompilerPlace) -> CompilerStatus {
    let CompilerPlace { program, landlock, seccomp, failures } = place;
    CompilerStatus { program: program.map(|path| path.display().to_string()), landlock, seccomp, failures }
}

/// How the node is.
///
/// # Errors
/// It has stopped.
async fn node(inside: &Inside) -> Result<NodeStatus, ControlError> {
    let Inside { plane, cells, setup, .. } = inside;
    let long_turns = cells.long_turns(plane.clock.now());
    let in_them: Vec<_> = long_turns.iter().map(|(actor, ..)| *actor).collect();
    let seen = inside.desk.look(move |admin| Overview::new(admin, in_them.into_iter())).await?;
    let long_turn = |((actor, length, oldest), class): ((_, _, Option<Duration>), String)| LongTurn {
        actor,
        class,
        in_turn_ms: millis(length),
        oldest_ms: oldest.map(millis),
    };
    Ok(NodeStatus {
        version: env!("CARGO_PKG_VERSION").to_string(),
        host: plane.host,
        pid: std::process::id(),
        uptime_ms: plane.clock.now().0 / 1_000_000,
        authority: setup.authority.name().to_string(),
        authority_actor: seen.authority_actor,
        verdicts_ignored: seen.verdicts_ignored,
        capabilities: (*cells.capabilities()).clone(),
        stopping: seen.stopping,
        actors: seen.actors as u64,
        actors_max: plane.accounts.budget().bounds().places as u64,
        places_taken: plane.accounts.budget().used().places as u64,
        actors_max_reason: setup.actors_max_reason.clone(),
        sources_loaded: seen.sources_loaded as u64,
        sources_known: seen.sources_known as u64,
        first_sources: seen.first_sources,
        compiler: compiler(inside.library.engine().compiler()),
        names: seen.names as u64,
        first_names: seen.first_names,
        dead_letter_handler: seen.dead_letter_handler,
        endpoints: inside.endpoints.len() as u64,
        messages: cells.turns(),
        poisoned: plane.poisoned(),
        dead_letters: plane.dead_letters.count(),
        restarts: cells.restarts(),
        queued_bytes: plane.accounts.budget().used().queued_bytes as u64,
        queued_bytes_max: plane.accounts.budget().bounds().queued_bytes as u64,
        queued_bytes_max_reason: setup.queued_bytes_max_reason.clone(),
        memory: memory(inside),
        recent_dead_letters: plane.dead_letters.recent(),
        recent_ended: inside.ends.last(),
        listeners: inside.grants.listeners() as u64,
        connections: inside.grants.connections() as u64,
        guest_threads: setup.guest_threads as u64,
        runaways: inside.cells.pool().runaways() as u64,
        long_turns: long_turns.into_iter().zip(seen.classes).map(long_turn).collect(),
        limits: **cells.limits(),
        log_level: seen.log_level,
        log_file: plane.log.file().map(LogFile::status),
        log_outlets: plane.log.outlets(),
        orphans: seen.orphans as u64,
        first_orphans: seen.first_orphans,
        desk_us_max: u64::try_from(inside.desk.held_max().as_micros()).unwrap_or(u64::MAX),
    })
}

fn name((name, address): (&str, ActorAddress)) -> NameStatus {
    NameStatus { name: name.to_string(), address }
}

/// The node and its actors as lines of the log: the longest turns and the busiest mailboxes first, and of the others how many there are.
///
/// # Errors
/// The node has stopped.
pub(crate) async fn lines(inside: &Inside) -> Result<Vec<String>, ControlError> {
    let status = node(inside).await?;
    let mut lines = vec![
        format!(
            "up {} s, {} actors of at most {}, {} sources, {} endpoints{}",
            status.uptime_ms / 1_000,
            status.actors,
            status.actors_max,
            status.sources_loaded,
            status.endpoints,
            if status.stopping { ", stopping" } else { "" },
        ),
        format!(
            "{} messages handed over, {} poisoned, {} restarts, {} dead letters, {} orphans, {} turns that spin, {} of {} \
             bytes queued",
            status.messages,
            status.poisoned,
            status.restarts,
            status.dead_letters,
            status.orphans,
            status.runaways,
            status.queued_bytes,
            status.queued_bytes_max,
        ),
    ];
    let (shown, more) = busiest(inside).await?;
    lines.extend(shown.iter().map(line));
    if more > 0 {
        lines.push(format!("{more} more actors"));
    }
    Ok(lines)
}

/// The actors in the longest turns, then those with the fullest mailboxes, and how many others there are.
async fn busiest(inside: &Inside) -> Result<(Vec<ActorStatus>, usize), ControlError> {
    let (mut busiest, mut more, mut after) = (Vec::new(), 0, None);
    loop {
        let page = actors(inside, after, ActorFilter::default()).await?;
        busiest.extend(page.actors);
        busiest.sort_by_key(|actor| std::cmp::Reverse((actor.in_turn_ms, actor.mailbox_len)));
        more += busiest.len().saturating_sub(STATUS_LOGGED_ACTORS_MAX);
        busiest.truncate(STATUS_LOGGED_ACTORS_MAX);
        after = page.more_after;
        if after.is_none() {
            return Ok((busiest, more));
        }
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

fn line(actor: &ActorStatus) -> String {
    let waits = actor.waits.as_ref().map(|wait| format!(", waits {} ms: {}", wait.left_ms, wait.why));
    let in_turn = actor.in_turn_ms.map(|ms| format!(", in a turn for {}", seconds(ms)));
    let oldest = actor.oldest_ms.map(|ms| format!(", the oldest of them for {} at least", seconds(ms)));
    let text = format!(
        "{} {} {:?}{}: {} in its mailbox ({} bytes){}, {} turns in {:?}, {} poisoned, {} restarts, {} wakeups, {} children, \
         {} bytes of memory{}",
        actor.address,
        actor.class,
        actor.phase,
        in_turn.unwrap_or_default(),
        actor.mailbox_len,
        actor.mailbox_bytes,
        oldest.unwrap_or_default(),
        actor.turns,
        Duration::from_micros(actor.busy_us),
        actor.poisoned,
        actor.restarts,
        actor.wakeups,
        actor.children,
        actor.memory_bytes,
        waits.unwrap_or_default(),
    );
    // A class's name and a reason are a guest's words.
    inert(&text).into_owned()
}

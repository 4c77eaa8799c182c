//! This process's body: makes the parts, lets them know each other, runs them on threads of its own, and ends them:
//! in order when it is asked to, at once after a fault of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thespian_core::address::HostId;
use thespian_core::compiling::CompileLimits;
use thespian_core::limits::{
    COMPILE_MEMORY_BYTES_LEAST, GUEST_THREADS_MAX, JUDGEMENT_TIME_MOST, LOG_CLOSE_TIME_MAX,
    LOG_FILE_BYTES_MAX_DEFAULT, LOG_FILE_BYTES_MAX_MIN, MEMORY_BUDGET_BYTES_LEAST, PERSON_TIME_MOST,
    RUNAWAYS_MAX, STOP_NODE_TIME_MAX, STORE_BYTES_LEAST, STORE_BYTES_MAX,
};
use thespian_core::role::Role;
use thespian_core::source::admission::History;
use thespian_core::source::authority::SourceAuthority;
use thespian_core::source::{SourceHash, SourceOutcome};
use thespian_core::text::inert;
use thespian_core::wire::control::{ControlError, PolicyStatus, Reply, Request};
use thespian_core::wire::hello::HelloError;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};
use tracing::Level;

use crate::actor::{Cells, Ground};
use crate::appointing::AuthoritySource;
use crate::apps::Apps;
use crate::auditing::Auditor;
use crate::client::Client;
use crate::config::{Authority, NodeConfig};
use crate::descriptors::{self, Shares, TooFewDescriptors};
use crate::desk::Desk;
use crate::endpoint::Endpoints;
use crate::ends::Ends;
use crate::grant::Grants;
use crate::inside::{Inside, Setup};
use crate::library::Library;
use crate::log::{LogError, LogStore};
use crate::memory;
use crate::node_fault::FaultWatch;
use crate::outlet::Losses;
use crate::perform::Performer;
use crate::plane::Plane;
use crate::plane::clock::{Clock, utc};
use crate::policy::{POLICY_FILE, PolicyKeeper};
use crate::pool::{self, Pool, PoolOwner};
use crate::remembering;
use crate::sandbox::{Capacity, Engine, EngineConfig, EngineError};
use crate::session::{Session, SessionOpener};
use crate::shortage::Shortage;
use crate::signing::policy_file::{PolicyError, PolicyFile};
use crate::status;
use crate::store::data::KeptData;
use crate::store::log_file::{self, OpenLogFile};
use crate::store::{DirLock, StoreError};
use crate::watchdog::Watchdog;

pub use crate::memory::{MemoryBudget, QueueBound};
pub use crate::node_fault::{Entrance, NodeFault};

/// Threads for control, transport and `Admin`.
const IO_THREADS: usize = 2;

/// A node can't start. Nothing of it is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The sandbox can't be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The data directory can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gives no threads.
    #[error("can't start the node's threads: {0}")]
    Threads(std::io::Error),
    /// The process may not have enough file descriptors: [`descriptors::raise_limit`] may help.
    #[error(transparent)]
    Descriptors(#[from] TooFewDescriptors),
    /// The configuration makes no sense.
    #[error("the configuration can't be used: {0}")]
    Config(String),
    /// The actor that is the authority can't be created.
    #[error("{0}")]
    Authority(String),
}

impl From<LogError> for StartError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Thread(error) => Self::Threads(error),
            LogError::File(error) => Self::Store(error),
        }
    }
}

/// A running node. Dropping it ends its actors without asking them, and waits for nothing; [`Node::stop`] asks.
pub struct Node {
    inside: Arc<Inside>,
    capacity: Capacity,
    memory: MemoryBudget,
    queued: QueueBound,
    shares: Shares,
    shortage: Arc<Shortage>,
    io: Option<Runtime>,
    _pool: PoolOwner,
    _dir_lock: Option<Arc<DirLock>>,
}

impl Node {
    /// Starts a node on threads of its own, under any runtime or none. It divides the file descriptors that this process
    /// may have and has not opened yet, and leaves the limit as it is: [`descriptors::raise_limit`] raises it.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(config: NodeConfig) -> Result<Self, StartError> {
        let guest_threads = checked(&config)?;
        let (judge, office) = AuthoritySource::read(&config).map_err(StartError::Config)?.unzip();
        let apps = Apps::read(&config).map_err(StartError::Config)?;
        let memory = MemoryBudget::of(config.memory_budget_bytes, &memory::memory());
        let queued = QueueBound::of(&memory);
        let budget = memory::budget(&memory, &queued);
        let shares = descriptors::shares(0)?;
        let (host, data) = open_data(&config)?;
        let KeptData { dir_lock, files, kept, waiting, history, audit, remembered, problems } = data;
        let (path, read, mut authority) = open_policy(&config, remembered)?;
        let appointed = office.as_ref().map(|office| office.source);
        authority.appointment = office;
        let log = LogStore::start(log_file(&config, host)?)?;
        let clock = Clock::start();
        let faults = Arc::new(FaultWatch::new(log.clone()));
        let pool = pool::start(guest_threads, clock, faults.clone()).map_err(StartError::Threads)?;
        let plane = Arc::new(Plane::new(host, clock, budget.clone(), log.clone()));
        let engine = Engine::new(engine_config(&config, pool.pool().clone(), &plane, log))?;
        let capacity = engine.capacity().clone();
        budget.limit_places(capacity.actors_max);
        // It runs turns too: those for which a program outside waits, and nothing else.
        let io = runtime("io", IO_THREADS, RUNAWAYS_MAX + 8)?;
        let desk = Arc::new(Desk::new(plane.clock, faults.clone()));
        let shortage = Arc::new(Shortage::default());
        let library = Library::new(engine, &plane, io.handle().clone(), faults.clone(), files);
        let library = Arc::new(library);
        let ground = Ground::new(
            plane.clone(),
            desk.clone(),
            library.clone(),
            config.limits,
            config.capabilities.clone(),
            pool.pool().clone(),
            io.handle().clone(),
        );
        let grants = Grants::new(
            plane.clone(),
            faults,
            config.allow_listen,
            &shares,
            shortage.clone(),
            io.handle().clone(),
        );
        let audit = Auditor::start(audit, io.handle(), desk.faults(), plane.log.clone());
        let inside = Arc::new(Inside {
            audit,
            cells: Cells::new(ground),
            endpoints: Arc::new(Endpoints::new(plane.clone())),
            grants: Arc::new(grants),
            ends: Ends::new(plane.log.clone()),
            library,
            policy: PolicyKeeper::new(path, read, io.handle().clone()),
            history,
            setup: setup((config.authority, appointed), guest_threads, &capacity, &queued, &memory),
            plane: plane.clone(),
            desk: desk.clone(),
        });
        let performer = Performer::new(inside.clone(), io.handle().clone());
        desk.begin(config.capabilities, authority, config.actor_log_level, Box::new(performer));
        remembering::begin(&inside, (kept, waiting), &problems, io.handle());
        run(&inside, io.handle());
        let node = Self {
            inside,
            capacity,
            memory,
            queued,
            shares,
            shortage,
            io: Some(io),
            _pool: pool,
            _dir_lock: dir_lock,
        };
        if let Some(judge) = judge {
            judge.appoint(&node.inside, node.runtime()).map_err(StartError::Authority)?;
        }
        apps.begin(&node.inside, node.runtime());
        Ok(node)
    }

    /// This node's name.
    #[must_use]
    pub fn host(&self) -> HostId {
        self.inside.plane.host
    }

    /// How many actors it can run, and what sets that number.
    #[must_use]
    pub fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// How much memory it may take, and what sets that number.
    #[must_use]
    pub const fn memory_budget(&self) -> &MemoryBudget {
        &self.memory
    }

    /// How much may wait in all mailboxes together, and what sets that number.
    #[must_use]
    pub fn queue_bound(&self) -> &QueueBound {
        &self.queued
    }

    /// The runtime for control and transport.
    ///
    /// # Panics
    /// Never: it lives as long as the node.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        self.io.as_ref().expect("it is taken out by `drop` only").handle()
    }

    /// A new presence at this node, private or under an endpoint's name.
    ///
    /// # Errors
    /// The name can't be used.
    pub fn session(&self, endpoint: Option<&str>) -> Result<Session, HelloError> {
        Session::open(self.inside.clone(), endpoint, Role::Operate, false)
    }

    /// How many descriptors each use of them may take.
    pub(crate) fn shares(&self) -> Shares {
        self.shares
    }

    /// Where it is said that there are none.
    pub(crate) fn shortage(&self) -> Arc<Shortage> {
        self.shortage.clone()
    }

    pub(crate) fn sessions(&self) -> SessionOpener {
        SessionOpener(self.inside.clone())
    }

    /// A client in this process, with an endpoint of its own.
    ///
    /// # Panics
    /// Never: a private endpoint can't be refused.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::local(self.session(None).expect("a private endpoint can't be refused"))
    }

    /// Asks all actors to exit, ends after five seconds those that do not, and returns when all are gone and the log is
    /// where it goes: `true`. Safe to call twice.
    ///
    /// Nothing that is stuck is waited for beyond [`STOP_NODE_TIME_MAX`]: then it returns `false`, the log says so, and threads
    /// of the node stay behind. It is also `false` after a fault of the node's own, which [`Self::fault`] tells.
    pub async fn stop(&self) -> bool {
        let (overdue, is_overdue) = oneshot::channel();
        let log = self.inside.plane.log.clone();
        let give_up = move || {
            let seconds = STOP_NODE_TIME_MAX.as_secs_f64();
            log.node(Level::ERROR, "node", &format!("it can't stop in order: not done after {seconds} s"));
            // Who asked may have left.
            let _ = overdue.send(());
        };
        let Ok(watchdog) = Watchdog::new(STOP_NODE_TIME_MAX, give_up) else {
            // A system without a thread to spare: in order, or not at all.
            self.stop_in_order().await;
            return self.fault().is_none();
        };
        watchdog.begin();
        tokio::select! {
            biased;
            () = self.stop_in_order() => self.fault().is_none(),
            _ = is_overdue => false,
        }
    }

    async fn stop_in_order(&self) {
        if let Ok(session) = self.session(None) {
            let (updates, _) = mpsc::channel(1);
            // The answer is that it is done; an error is that it was done before.
            let _ = session.answer(Request::Stop, &updates).await;
        }
        self.stopped().await;
    }

    /// The policy by which signed sources are judged, and where it lies.
    #[must_use]
    pub fn policy(&self) -> PolicyStatus {
        self.inside.policy.status()
    }

    /// Puts into force what the policy's file says now, as `policy reload` does. Returns what became of the sources.
    ///
    /// # Errors
    /// The file can't be used, or the node's authority goes by no policy: what was in force still is.
    ///
    /// # Panics
    /// Never: a private endpoint can't be refused.
    pub async fn reload_policy(&self) -> Result<Vec<SourceOutcome>, ControlError> {
        let session = self.session(None).expect("a private endpoint can't be refused");
        let (updates, _) = mpsc::channel(1);
        match session.answer(Request::ReloadPolicy, &updates).await? {
            Reply::Outcomes(outcomes) => Ok(outcomes),
            other => unreachable!("a policy is answered with what becomes of the sources, not {other:?}"),
        }
    }

    /// Returns when the node has begun to stop, whoever asked for it.
    pub async fn stopping(&self) {
        self.inside.desk.stopping().await;
    }

    /// Has the node's status show what a program loses of the log on its way to an output of its own.
    pub fn count_losses(&self, name: &str, losses: Losses) {
        self.inside.plane.log.count(name, losses);
    }

    pub(crate) fn log(&self) -> Arc<LogStore> {
        self.inside.plane.log.clone()
    }

    /// The fault of its own for which the node ended, if that is why. The process around it goes on: a program may start
    /// another node, or end itself. In a program that is built with `panic = "abort"` nothing can be caught: there a fault ends
    /// the process.
    #[must_use]
    pub fn fault(&self) -> Option<NodeFault> {
        self.faults().first().cloned()
    }

    /// Has a watchdog begin with the first fault of the node's own: for a program that is to end then, whatever else of it
    /// is stuck.
    pub fn begin_at_fault(&self, watchdog: Watchdog) {
        self.faults().begin_at_fault(watchdog);
    }

    pub(crate) fn faults(&self) -> &Arc<FaultWatch> {
        self.inside.desk.faults()
    }

    /// Returns when the node has stopped, whoever asked for it or for whichever fault, and its log has the end.
    pub async fn stopped(&self) {
        self.inside.desk.stopped().await;
        let Plane { log, alarms, .. } = &*self.inside.plane;
        // A disk that hangs is not waited for, nor a subscriber.
        tokio::select! {
            biased;
            () = log.written() => {}
            () = alarms.sleep(LOG_CLOSE_TIME_MAX) => {}
        }
    }

    /// Writes to the log how the node and its actors are: for when nothing else answers. One that has stopped writes why it
    /// has no status any more.
    pub async fn log_status(&self) {
        let log = &self.inside.plane.log;
        match status::lines(&self.inside).await {
            Ok(lines) => lines.iter().for_each(|line| log.node(Level::INFO, "status", line)),
            Err(why) => log.node(Level::WARN, "status", &inert(&why.to_string())),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.inside.desk.close();
        self.inside.plane.table.clear();
        self.inside.cells.clear();
        self.inside.library.stop();
        // In the background: a node may be dropped by asynchronous code, which must not wait.
        if let Some(io) = self.io.take() {
            io.shutdown_background();
        }
    }
}

fn setup(
    (authority, appointed): (Authority, Option<SourceHash>),
    guest_threads: usize,
    capacity: &Capacity,
    queued: &QueueBound,
    memory: &MemoryBudget,
) -> Setup {
    Setup {
        authority,
        appointed,
        guest_threads,
        actors_max_reason: capacity.limited_by.to_string(),
        queued_bytes_max_reason: queued.reason.clone(),
        memory_bytes_max_reason: memory.reason.clone(),
    }
}

/// All that lies in the data directory, if there is to be one.
fn open_data(config: &NodeConfig) -> Result<(HostId, KeptData), StoreError> {
    let store_bytes_max = config.store_bytes_max.unwrap_or(STORE_BYTES_MAX);
    KeptData::open(config.data_dir.as_deref(), store_bytes_max, utc())
}

/// A policy's file, as it was read.
type PolicyRead = Result<PolicyFile, PolicyError>;

/// The policy's file and what it says, where the authority goes by one, and the authority itself.
///
/// A node without a policy admits nothing, and can be given one; one whose policy says what it may not does not start, for
/// its operator believes it in force.
fn open_policy(
    config: &NodeConfig,
    remembered: Option<History>,
) -> Result<(PathBuf, PolicyRead, SourceAuthority), StartError> {
    let in_data = || config.data_dir.as_deref().unwrap_or(Path::new("")).join(POLICY_FILE);
    let path = config.policy.clone().unwrap_or_else(in_data);
    let mut authority = SourceAuthority::new(config.authority.kind(), config.limits)
        .with_time(config.judgement_ms_max.map(Duration::from_millis));
    authority.remember(remembered.unwrap_or_default());
    if config.authority != Authority::Keys {
        let unread = PolicyError::Absent { path: path.clone() };
        return Ok((path, Err(unread), authority));
    }
    if config.policy.is_none() && config.data_dir.is_none() {
        let text = "the authority `keys` goes by a policy: name its file, or a data directory that has one";
        return Err(StartError::Config(text.to_string()));
    }
    let read = PolicyFile::read(&path);
    match &read {
        Ok(file) => authority
            .set_policy(file.policy.clone())
            .map_err(|why| StartError::Config(format!("the policy {}: {why}", path.display())))?,
        Err(absent @ PolicyError::Absent { .. }) => authority.set_broken(absent.to_string()),
        Err(error) => return Err(StartError::Config(error.to_string())),
    }
    Ok((path, read, authority))
}

/// Refuses what makes no sense; returns how many threads run actors.
fn checked(config: &NodeConfig) -> Result<usize, StartError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let guest_threads = config.guest_threads.unwrap_or(cores);
    if !(1..=GUEST_THREADS_MAX).contains(&guest_threads) {
        let text = format!("`guest-threads` can be 1 to {GUEST_THREADS_MAX}, not {guest_threads}");
        return Err(StartError::Config(text));
    }
    if config.actors_max == Some(0) {
        return Err(StartError::Config("`actors-max` can be 1 or more, not 0".to_string()));
    }
    let least = COMPILE_MEMORY_BYTES_LEAST;
    if config.compile_memory_bytes_max.is_some_and(|bytes| bytes < least) {
        return Err(StartError::Config(format!("`compile-memory-bytes-max` must be at least {least}")));
    }
    if config.memory_budget_bytes.is_some_and(|bytes| bytes < MEMORY_BUDGET_BYTES_LEAST) {
        let text = format!("`memory-budget-bytes` must be at least {MEMORY_BUDGET_BYTES_LEAST}");
        return Err(StartError::Config(text));
    }
    if config.compile_cpu_ms_max == Some(0) {
        return Err(StartError::Config("`compile-cpu-ms-max` can be 1 or more, not 0".to_string()));
    }
    if config.store_bytes_max.is_some_and(|bytes| bytes < STORE_BYTES_LEAST) {
        return Err(StartError::Config(format!("`store-bytes-max` must be at least {STORE_BYTES_LEAST}")));
    }
    let is_person = config.authority == Authority::Person;
    let most = if is_person { PERSON_TIME_MOST } else { JUDGEMENT_TIME_MOST }.as_millis();
    if config.judgement_ms_max.is_some_and(|time| time == 0 || u128::from(time) > most) {
        return Err(StartError::Config(format!("`judgement-ms-max` can be 1 to {most} with this authority")));
    }
    config.limits.check().map_err(|error| StartError::Config(error.to_string()))?;
    Ok(guest_threads)
}

/// The sandbox as the configuration wants it.
fn engine_config(config: &NodeConfig, threads: Arc<Pool>, plane: &Plane, log: Arc<LogStore>) -> EngineConfig {
    let below_data = || Some(config.data_dir.as_deref()?.join("cache"));
    EngineConfig {
        actors_max: config.actors_max,
        limits: config.limits,
        cache_dir: config.cache_dir.clone().or_else(below_data),
        compiler: config.compiler.clone(),
        compile_limits: CompileLimits {
            memory_bytes_max: config.compile_memory_bytes_max,
            cpu_ms_max: config.compile_cpu_ms_max,
        },
        budget_bytes: plane.accounts.budget().bounds().memory_bytes as u64,
        account: plane.accounts.own().clone(),
        threads,
        log,
    }
}

/// Runs the node's own tasks, and says what a fault ends.
fn run(inside: &Arc<Inside>, io: &Handle) {
    let (desk, plane) = (inside.desk.clone(), inside.plane.clone());
    if inside.setup.authority == Authority::TrustAll {
        plane.log.node(Level::WARN, "sources", "every source is trusted: for development only");
    }
    let compiler = inside.library.engine().compiler();
    if let Some(weakness) = compiler.weakness() {
        plane.log.node(Level::WARN, "sources", weakness);
    }
    let faults = desk.faults().clone();
    let node = Arc::downgrade(inside);
    faults.on_fault(move || {
        if let Some(inside) = node.upgrade() {
            end_without_order(&inside);
        }
    });
    faults.spawn(io, "the desk's task", async move { desk.run().await });
    faults.spawn(io, "the timers", async move { plane.alarms.run().await });
}

/// After a fault no rule is asked any more: whoever waits is let go, and what runs is told to end.
fn end_without_order(inside: &Inside) {
    let steps: [&dyn Fn(); 7] = [
        &|| inside.desk.note_stopping(),
        &|| inside.desk.close(),
        &|| inside.plane.table.clear(),
        &|| inside.cells.clear(),
        &|| inside.grants.end_all(),
        &|| inside.library.stop(),
        &|| inside.cells.pool().wake_runaways(),
    ];
    for step in steps {
        // A second fault on the way is told as well, and keeps nobody from the steps behind it.
        let _ = inside.desk.faults().catch(Entrance::Task("the end after a fault"), step);
    }
}

/// The log file, if there is to be one, with the line by which each run begins.
fn log_file(config: &NodeConfig, host: HostId) -> Result<Option<OpenLogFile>, StartError> {
    let bytes_max = config.log_file_bytes_max.unwrap_or(LOG_FILE_BYTES_MAX_DEFAULT);
    if bytes_max < LOG_FILE_BYTES_MAX_MIN {
        let text = format!("`log-file-bytes-max` must be at least {LOG_FILE_BYTES_MAX_MIN}");
        return Err(StartError::Config(text));
    }
    let Some(path) = &config.log_file else { return Ok(None) };
    let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
    let text = format!("thespian-host {version} runs as host {:016x}, pid {pid}", host.0);
    let first = log_file::remark(crate::plane::clock::unix_ms(), "INFO", text);
    Ok(Some(OpenLogFile::open(path, bytes_max, &first)?))
}

fn runtime(name: &str, threads: usize, blocking_max: usize) -> Result<Runtime, StartError> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).max_blocking_threads(blocking_max).enable_all();
    builder.thread_name(format!("thespian-{name}")).build().map_err(StartError::Threads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use thespian_core::limits::ActorLimits;

    #[test]
    fn an_embedder_is_told_of_a_limit_that_makes_no_sense_before_anything_is_made() {
        let dir = std::env::temp_dir().join(format!("thespian-node-{}", std::process::id()));
        let base = || NodeConfig { data_dir: Some(dir.clone()), ..NodeConfig::default() };
        let limits = ActorLimits { memory_bytes_max: 1, ..ActorLimits::default() };
        for (config, told) in [
            (NodeConfig { limits, ..base() }, "`memory-bytes-max` can be 65536 to 4294967296, not 1"),
            (
                NodeConfig { guest_threads: Some(1_025), ..base() },
                "`guest-threads` can be 1 to 1024, not 1025",
            ),
            (NodeConfig { actors_max: Some(0), ..base() }, "`actors-max` can be 1 or more, not 0"),
        ] {
            let Err(StartError::Config(why)) = Node::start(config) else { panic!("it starts") };
            assert!(why.contains(told), "{why}");
            assert!(!dir.exists());
        }
    }
}

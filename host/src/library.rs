//! What a node has of sources: the bytes of those that are offered, the code of those that are loaded, and the files of
//! both. `Admin` says what is kept and what is forgotten; here it is only known where it lies.
//!
//! ```text
//!  room ──► offered ── load ──► on disk ──► compiled ──► loaded
//!   │ none     │ forget           │ full      │ refused    │ forget
//!   └► refused └► dropped         └───────────┴────────────┴► file removed
//! ```
//!
//! The file of a source that was admitted stays until it is unloaded, whatever becomes of a later load of it.
//! Without a data directory the bytes stay in memory until they are compiled, and are dropped then.

mod idle;
mod loading;
mod waiting;

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::budget::{Account, MemoryPart, Purpose};
use thespian_core::source::{HandOver, OfferId, RunHash, SourceHash, SourceInfo, Unusable};
use thespian_core::wire::control::ControlError;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinError, JoinHandle};
use tracing::Level;

use self::loading::{LoadCounts, LoadUnderWay};
use crate::compiles::{Compile, Compiles};
use crate::hands::OffersInHands;
use crate::loads::Loads;
use crate::log::LogStore;
use crate::node_fault::{Entrance, FaultWatch};
use crate::offers::{OfferRoom, Rooms, SourceBytes};
use crate::plane::Plane;
use crate::plane::accounts::Accounts;
use crate::plane::clock::Clock;
use crate::sandbox::{Engine, Source, SourceError};
use crate::signing::SourcePapers;
use crate::store::records::{RecordDigest, SourceRecord};
use crate::store::sources::{KeptSource, SourceFile, SourceFiles};

/// The loader of what an earlier run has kept, and of what configuration names.
pub(crate) const NOBODY: ActorAddress = ActorAddress::new(HostId(0), 0);

/// Where sources are on their way, and where they are then.
pub(crate) struct Library {
    engine: Engine,
    clock: Clock,
    io: Handle,
    log: Arc<LogStore>,
    faults: Arc<FaultWatch>,
    /// Absent without a data directory.
    files: Option<Arc<SourceFiles>>,
    accounts: Arc<Accounts>,
    rooms: Arc<Rooms>,
    /// Those that actors are to judge.
    pub(crate) hands: OffersInHands,
    /// Those that actors are about to load.
    pub(crate) loads: Loads,
    offered: Mutex<HashMap<SourceHash, OfferedCode>>,
    /// The papers of the sources that are offered or in use.
    papers: Mutex<HashMap<SourceHash, (OfferId, Arc<SourcePapers>)>>,
    loaded: Mutex<HashMap<SourceHash, LoadedCode>>,
    /// The newest file of each source that has one: of what is loaded, and of what an earlier run has kept.
    on_disk: Mutex<HashMap<SourceHash, SourceFile>>,
    /// Sources whose loads are under way, and of how many: their files are in use, though nobody can create from them yet.
    loading: Arc<LoadCounts>,
    compiles: Arc<Compiles>,
    /// Held while an offer is written that waits for a person.
    keeping: tokio::sync::Mutex<()>,
    last_load: AtomicU64,
}

/// The code of a loaded source, and whether it comes back with the next start.
struct LoadedCode {
    code: Source,
    /// The number of the load: a later one has a higher.
    load: u64,
    /// The digest of the record beside its file; absent where there is none.
    recorded: Option<RecordDigest>,
}

/// A source that waits for its judgement.
pub(crate) enum OfferedCode {
    /// Its bytes have come.
    Came(SourceBytes),
    /// An earlier run has kept it.
    Kept(Box<KeptSource>),
    /// Its bytes wait for a person, on disk.
    Waiting(SourceFile),
}

/// An offer that is to be loaded. As long as it is there, its file is in use.
pub(crate) struct TakenOffer {
    pub(crate) code: OfferedCode,
    /// The bytes that run in its place.
    pub(crate) replaced: Option<SourceBytes>,
    _loading: LoadUnderWay,
}

/// Memory that is drawn for code, on the account of its source; given back when dropped.
struct CodeMemory {
    account: Arc<Account>,
    bytes: usize,
}

impl CodeMemory {
    fn draw(account: Arc<Account>, bytes: usize) -> Result<Self, Unusable> {
        let drawn = account.draw(MemoryPart::Sources, Purpose::Load, bytes);
        drawn.map_err(|short| Unusable::now(format!("there is no memory for its code: {short}")))?;
        Ok(Self { account, bytes })
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        self.account.give_back(MemoryPart::Sources, self.bytes);
    }
}

/// The bytes of a source that is to be compiled.
#[derive(Clone)]
enum Kept {
    OnDisk(SourceFile),
    InMemory(Arc<SourceBytes>),
    /// Others run in their place.
    Replaced(Arc<SourceBytes>),
}

impl Kept {
    fn compile(&self, engine: &Engine, hash: SourceHash, compile: &Compile) -> Result<Source, Unusable> {
        let compile = |runs: RunHash, bytes: &[u8]| {
            let failed =
                |error: SourceError| Unusable { is_lasting: error.is_lasting(), reason: error.to_string() };
            engine.compile_as(hash, runs, bytes, compile.control()).map_err(failed)
        };
        match self {
            Self::OnDisk(file) => {
                let bytes = file.read().map_err(|error| Unusable::now(error.to_string()))?;
                compile(RunHash(hash), &bytes)
            }
            Self::InMemory(offer) => compile(RunHash(hash), &offer.bytes()),
            Self::Replaced(runs) => compile(RunHash(runs.hash()), &runs.bytes()),
        }
    }

    /// The bytes that run in its place, if there are such.
    fn or(self, replaced: Option<&Arc<SourceBytes>>) -> Self {
        replaced.map_or(self, |runs| Self::Replaced(runs.clone()))
    }

    fn file(self) -> Option<SourceFile> {
        match self {
            Self::OnDisk(file) => Some(file),
            Self::InMemory(_) | Self::Replaced(_) => None,
        }
    }
}

impl Library {
    pub(crate) fn new(
        engine: Engine,
        plane: &Plane,
        io: Handle,
        faults: Arc<FaultWatch>,
        files: Option<Arc<SourceFiles>>,
    ) -> Self {
        let (log, accounts) = (plane.log.clone(), plane.accounts.clone());
        let rooms = Arc::<Rooms>::default();
        Self {
            hands: OffersInHands::new(rooms.clone()),
            loads: Loads::new(rooms.clone(), plane.clock),
            compiles: Arc::new(Compiles::new(plane.clock, engine.compile_seats())),
            engine,
            clock: plane.clock,
            io,
            log,
            faults,
            files,
            accounts,
            rooms,
            offered: Mutex::default(),
            papers: Mutex::default(),
            loaded: Mutex::default(),
            on_disk: Mutex::default(),
            loading: Arc::default(),
            keeping: tokio::sync::Mutex::default(),
            last_load: AtomicU64::new(0),
        }
    }

    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Takes room for a source of so many bytes, before they come, and for its papers.
    ///
    /// # Errors
    /// Too much is on its way in already.
    pub(crate) fn room(
        &self,
        loader: ActorAddress,
        size: usize,
        papers: usize,
    ) -> Result<OfferRoom, ControlError> {
        match self.rooms.take(loader, size, papers) {
            Err(_) if self.loads.drop_idle(self.clock.now()) => self.rooms.take(loader, size, papers),
            taken => taken,
        }
    }

    /// Keeps a source that is to be judged, until it is compiled or forgotten.
    pub(crate) fn offer(&self, id: OfferId, offer: SourceBytes) {
        let hash = offer.hash();
        self.papers.lock().insert(hash, (id, offer.papers().clone()));
        self.offered.lock().insert(hash, OfferedCode::Came(offer));
    }

    /// Has a source that an earlier run kept, before `Admin` hears of it.
    pub(crate) fn found(&self, kept: KeptSource) {
        let hash = kept.file.hash();
        let papers = read_papers(kept.record.papers());
        self.papers.lock().insert(hash, (OfferId::default(), Arc::new(papers)));
        self.on_disk.lock().insert(hash, kept.file.clone());
        self.offered.lock().insert(hash, OfferedCode::Kept(Box::new(kept)));
    }

    /// The offer by which such a source is judged now.
    pub(crate) fn found_as(&self, hash: SourceHash, id: OfferId) {
        if let Some(papers) = self.papers.lock().get_mut(&hash) {
            papers.0 = id;
        }
    }

    /// The bytes of a source that waits for its judgement. They may have to be read.
    pub(crate) fn offered_bytes(&self, hash: SourceHash) -> Option<Bytes> {
        match self.bytes_at_hand(hash)? {
            Ok(bytes) => Some(bytes),
            Err(file) => file.read().ok().map(Bytes::from),
        }
    }

    /// The same, or the file that they are to be read from.
    fn bytes_at_hand(&self, hash: SourceHash) -> Option<Result<Bytes, SourceFile>> {
        Some(match self.offered.lock().get(&hash)? {
            OfferedCode::Came(bytes) => Ok(bytes.bytes()),
            OfferedCode::Kept(kept) => Err(kept.file.clone()),
            OfferedCode::Waiting(file) => Err(file.clone()),
        })
    }

    /// Puts an offer into the hands of an actor, if that takes no time. Else it comes back: it has to be read, or is not wanted any
    /// more.
    pub(crate) fn hand_over(&self, wish: HandOver) -> Option<HandOver> {
        if self.hands.move_on(wish.hash, wish.offer, wish.to) {
            return None;
        }
        match self.bytes_at_hand(wish.hash) {
            Some(Ok(bytes)) => {
                let (_, papers) = self.papers(wish.hash);
                self.hands.put_into(wish, (bytes, &papers), None, || true);
                None
            }
            _ => Some(wish),
        }
    }

    /// Reads an offer and puts it into the hands of an actor, in the turn that it was given for that. False: it is not wanted
    /// any more.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn read_into_hands(
        &self,
        wish: HandOver,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<bool, String> {
        let (hash, offer) = (wish.hash, wish.offer);
        let bytes = match self.bytes_at_hand(hash) {
            None => return Ok(false),
            Some(Ok(bytes)) => bytes,
            Some(Err(file)) => Bytes::from(file.read().map_err(|error| error.to_string())?),
        };
        let (_, papers) = self.papers(hash);
        let is_wanted = || self.papers(hash).0 == offer && self.offered.lock().contains_key(&hash);
        Ok(self.hands.put_into(wish, (bytes, &papers), turn, is_wanted))
    }

    /// The papers of a source that is offered or in use.
    pub(crate) fn papers(&self, hash: SourceHash) -> (OfferId, Arc<SourcePapers>) {
        self.papers.lock().get(&hash).cloned().unwrap_or_default()
    }

    /// The same of all that came with any.
    pub(crate) fn all_papers(&self) -> Vec<(SourceHash, (OfferId, Arc<SourcePapers>))> {
        self.papers.lock().iter().map(|(hash, came)| (*hash, came.clone())).collect()
    }

    /// Nobody may use the source any more. Instances that run keep their code.
    pub(crate) fn forget(&self, hash: SourceHash) {
        let offered = self.offered.lock().remove(&hash);
        drop(self.papers.lock().remove(&hash));
        drop(self.hands.let_go(hash, None));
        let loaded = self.loaded.lock().remove(&hash);
        // Of what was not admitted nothing is to be found with the next start.
        let is_waiting = matches!(offered, Some(OfferedCode::Waiting(_)));
        if is_waiting || loaded.is_some_and(|loaded| loaded.recorded.is_none()) {
            self.erase(hash);
        }
    }

    /// A source is not to come back with the next start.
    pub(crate) fn erase(&self, hash: SourceHash) {
        if let Some(file) = self.on_disk.lock().remove(&hash) {
            // Nobody waits for the disk.
            drop(self.remove(file));
        }
    }

    /// Removes a file, on a thread that may wait for the disk.
    fn remove(&self, file: SourceFile) -> JoinHandle<()> {
        let log = self.log.clone();
        let faults = self.faults.clone();
        self.io.spawn_blocking(move || {
            let outcome = faults.guard(Entrance::Task("the removal of a source's file"), || file.remove());
            if let Some(Err(error)) = outcome {
                log.node(Level::WARN, "sources", &format!("the file of an unloaded source stays: {error}"));
            }
        })
    }

    /// The code of a loaded source.
    pub(crate) fn code(&self, hash: SourceHash) -> Option<Source> {
        self.loaded.lock().get(&hash).map(|loaded| loaded.code.clone())
    }

    /// The places that an actor of a source takes, as far as that is known: one where it is not loaded.
    pub(crate) fn places(&self, hash: SourceHash) -> usize {
        self.loaded.lock().get(&hash).map_or(1, |loaded| loaded.code.places())
    }

    /// Takes out what was offered, to load it, and what runs in its place, if it is this.
    pub(crate) fn take(&self, hash: SourceHash, runs: Option<RunHash>) -> Option<TakenOffer> {
        // First: between the two nobody is to find that its file is not in use.
        let loading = LoadUnderWay::begin(&self.loading, hash);
        let code = self.offered.lock().remove(&hash)?;
        Some(TakenOffer { code, replaced: self.hands.let_go(hash, runs), _loading: loading })
    }

    /// Nothing that is being compiled is wanted any more.
    pub(crate) fn stop(&self) {
        self.compiles.end_all();
    }

    /// Makes code of what was offered, or of what runs in its place. Returns what the source says of itself, and how long it took to
    /// compile in µs, 0 where its code was known.
    ///
    /// # Errors
    /// It can't be used, or can't be kept. Then nothing of it is left.
    pub(crate) async fn load(&self, offer: TakenOffer) -> Result<(SourceInfo, u64), Unusable> {
        let load = self.last_load.fetch_add(1, Ordering::Relaxed) + 1;
        let TakenOffer { code, replaced, _loading } = offer;
        let replaced = replaced.map(Arc::new);
        match code {
            OfferedCode::Came(offer) => self.load_bytes(load, offer, replaced).await,
            OfferedCode::Kept(kept) => {
                let KeptSource { file, record } = *kept;
                self.load_file(load, file, Some(record.digest()), replaced).await
            }
            OfferedCode::Waiting(file) => {
                let loaded = self.load_file(load, file.clone(), None, replaced).await;
                if loaded.is_err() {
                    self.on_disk.lock().remove(&file.hash());
                    // An error means that the node ends.
                    let _ = self.remove(file).await;
                }
                loaded
            }
        }
    }

    /// The same of what is on disk. Where what an earlier run has kept can't be used now, its file stays: it may be with the next
    /// start.
    async fn load_file(
        &self,
        load: u64,
        file: SourceFile,
        recorded: Option<RecordDigest>,
        replaced: Option<Arc<SourceBytes>>,
    ) -> Result<(SourceInfo, u64), Unusable> {
        let hash = file.hash();
        let size = replaced.as_ref().map_or(file.size(), |runs| runs.size());
        let memory_bytes = self.engine.compile_bounds(size).memory_bytes;
        let compile = self.compiles.enter(NOBODY, size, memory_bytes);
        compile.begin().await;
        let code = self.compile(compile, hash, Kept::OnDisk(file.clone()).or(replaced.as_ref())).await?;
        let papers_bytes = self.papers(hash).1.len();
        code.keep(CodeMemory::draw(self.accounts.of(hash), code.code_bytes() + papers_bytes)?);
        Ok(self.enter(load, code, Some(file), recorded))
    }

    /// Code of a source is there from here on.
    fn enter(
        &self,
        load: u64,
        code: Source,
        file: Option<SourceFile>,
        recorded: Option<RecordDigest>,
    ) -> (SourceInfo, u64) {
        let (hash, info) = (code.hash(), code.info().clone());
        let compile_us = if code.from_cache() { 0 } else { code.compile_time().as_micros() };
        let mut loaded = self.loaded.lock();
        let mut on_disk = self.on_disk.lock();
        // A load of the same that began later was sooner: its file is there, and its record may be.
        if loaded.get(&hash).is_none_or(|known| known.load < load) {
            on_disk.extend(file.map(|file| (hash, file)));
            loaded.insert(hash, LoadedCode { code, load, recorded });
        }
        (info, u64::try_from(compile_us).unwrap_or(u64::MAX))
    }

    /// Has a loaded source come back with the next start, with this record. Nothing is written where that says nothing new.
    ///
    /// # Errors
    /// It can't be written.
    pub(crate) async fn admit(&self, hash: SourceHash, record: SourceRecord) -> Result<(), Unusable> {
        let digest = record.digest();
        let recorded = self.loaded.lock().get(&hash).map(|loaded| loaded.recorded);
        let file = self.on_disk.lock().get(&hash).cloned();
        let (Some(recorded), Some(file)) = (recorded, file) else { return Ok(()) };
        if recorded == Some(digest) {
            return Ok(());
        }
        let admitted = file.clone();
        let admit = move || admitted.admit(&record).map_err(|error| Unusable::now(error.to_string()));
        match waited_for(self.io.spawn_blocking(admit).await) {
            Ok(true) => {
                let is_newest =
                    self.on_disk.lock().get(&hash).is_some_and(|newest| !newest.is_later_than(&file));
                if let Some(loaded) = self.loaded.lock().get_mut(&hash).filter(|_| is_newest) {
                    loaded.recorded = Some(digest);
                }
                Ok(())
            }
            // Its place was taken by a later load, which has a record of its own.
            Ok(false) => Ok(()),
            Err(why) if recorded.is_some() => {
                let text = format!("the record of source {hash} stays as it was: {}", why.reason);
                self.log.node(Level::ERROR, "sources", &text);
                Ok(())
            }
            Err(why) => Err(why),
        }
    }

    async fn load_bytes(
        &self,
        load: u64,
        offer: SourceBytes,
        replaced: Option<Arc<SourceBytes>>,
    ) -> Result<(SourceInfo, u64), Unusable> {
        let (hash, papers_bytes) = (offer.hash(), offer.papers().len());
        // Whoever kept it for a person finds it gone, and takes its file away: of two at once this load's could be taken for the older.
        drop(self.keeping.lock().await);
        let size = replaced.as_ref().map_or(offer.size(), |runs| runs.size());
        let memory_bytes = self.engine.compile_bounds(size).memory_bytes;
        let compile = self.compiles.enter(offer.loader(), size, memory_bytes);
        let offer = Arc::new(offer);
        let (kept, compiled) = if compile.may_begin() {
            // The disk and the compiler need not wait for each other.
            let bytes = Kept::InMemory(offer.clone()).or(replaced.as_ref());
            tokio::join!(self.keep(offer), self.compile(compile, hash, bytes))
        } else {
            let kept = self.keep(offer).await?;
            compile.begin().await;
            let compiled = self.compile(compile, hash, kept.clone().or(replaced.as_ref())).await;
            (Ok(kept), compiled)
        };
        let file = kept?.file();
        let compiled = compiled.and_then(|code| {
            code.keep(CodeMemory::draw(self.accounts.of(hash), code.code_bytes() + papers_bytes)?);
            Ok(code)
        });
        match compiled {
            Ok(code) => Ok(self.enter(load, code, file, None)),
            Err(why) => {
                if let Some(file) = file {
                    // An error means that the node ends.
                    let _ = self.remove(file).await;
                }
                Err(why)
            }
        }
    }

    /// Compiles the bytes, and makes room for the next.
    async fn compile(&self, compile: Compile, hash: SourceHash, kept: Kept) -> Result<Source, Unusable> {
        let engine = self.engine.clone();
        waited_for(self.io.spawn_blocking(move || kept.compile(&engine, hash, &compile)).await)
    }

    /// Has the bytes on disk, where there is one for them: if others compile, they wait there, and not in memory.
    async fn keep(&self, offer: Arc<SourceBytes>) -> Result<Kept, Unusable> {
        let Some(files) = self.files.clone() else { return Ok(Kept::InMemory(offer)) };
        self.make_room(&files, offer.size()).await;
        let keep = move || {
            files.keep(offer.hash(), &offer.bytes()).map_err(|error| Unusable::now(error.to_string()))
        };
        waited_for(self.io.spawn_blocking(keep).await).map(Kept::OnDisk)
    }
}

/// Papers as a record has them.
fn read_papers((manifest, signatures): (Option<Vec<u8>>, Vec<Vec<u8>>)) -> SourcePapers {
    let signatures = signatures.into_iter().map(Bytes::from).collect();
    SourcePapers { manifest: manifest.map(Bytes::from), signatures }
}

/// The outcome of work that may wait. A panic in it is the node's own: that of the compiler is none.
fn waited_for<T>(outcome: Result<Result<T, Unusable>, JoinError>) -> Result<T, Unusable> {
    match outcome.map_err(JoinError::try_into_panic) {
        Ok(outcome) => outcome,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_)) => Err(Unusable::now("the node ends".to_string())),
    }
}

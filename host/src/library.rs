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

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use thespian_core::address::{ActorAddress, HostId};
use thespian_core::budget::{Account, MemoryPart, Purpose};
use thespian_core::limits::OFFERED_BYTES_MAX;
use thespian_core::source::{OfferId, SourceHash, SourceInfo, Unusable};
use thespian_core::wire::control::ControlError;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tracing::Level;

use crate::compiles::{Compile, Compiles};
use crate::log::LogStore;
use crate::node_fault::{Entrance, FaultWatch};
use crate::plane::accounts::Accounts;
use crate::plane::clock::Clock;
use crate::sandbox::{Engine, Source, SourceError};
use crate::signing::SourcePapers;
use crate::store::records::{RecordDigest, SourceRecord};
use crate::store::sources::{KeptSource, SourceFile, SourceFiles};

/// The loader of what an earlier run has kept.
const NOBODY: ActorAddress = ActorAddress::new(HostId(0), 0);

/// Where sources are on their way, and where they are then.
pub(crate) struct Library {
    engine: Engine,
    io: Handle,
    log: Arc<LogStore>,
    faults: Arc<FaultWatch>,
    /// Absent without a data directory.
    files: Option<Arc<SourceFiles>>,
    accounts: Arc<Accounts>,
    rooms: Arc<Rooms>,
    offered: Mutex<HashMap<SourceHash, OfferedCode>>,
    /// The papers of the sources that are offered or in use.
    papers: Mutex<HashMap<SourceHash, (OfferId, Arc<SourcePapers>)>>,
    loaded: Mutex<HashMap<SourceHash, LoadedCode>>,
    /// The newest file of each source that has one: of what is loaded, and of what an earlier run has kept.
    on_disk: Mutex<HashMap<SourceHash, SourceFile>>,
    compiles: Arc<Compiles>,
}

/// The code of a loaded source, and whether it comes back with the next start.
struct LoadedCode {
    code: Source,
    /// The digest of the record beside its file; absent where there is none.
    recorded: Option<RecordDigest>,
}

/// A source that waits for its judgement.
pub(crate) enum OfferedCode {
    /// Its bytes have come.
    Came(SourceBytes),
    /// An earlier run has kept it.
    Kept(Box<KeptSource>),
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

/// Room for the bytes of all sources that are on their way in.
#[derive(Default)]
pub(crate) struct Rooms {
    bytes_taken: AtomicUsize,
}

impl Rooms {
    /// Takes room for a source of so many bytes, before they come, and for its papers.
    ///
    /// # Errors
    /// Too much is on its way in already.
    pub(crate) fn take(
        self: &Arc<Self>,
        loader: ActorAddress,
        size: usize,
        papers: usize,
    ) -> Result<OfferRoom, ControlError> {
        let bytes = size.saturating_add(papers);
        let next = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= OFFERED_BYTES_MAX);
        match self.bytes_taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(_) => Ok(OfferRoom { loader, size, bytes, rooms: self.clone() }),
            Err(taken) => Err(ControlError::LimitReached(format!(
                "sources of {taken} bytes are on their way in, this one has {bytes}, and at most {OFFERED_BYTES_MAX} \
                 may be: load it when they are loaded"
            ))),
        }
    }
}

/// Room for the bytes of one source, taken before they come. Given back when dropped.
pub(crate) struct OfferRoom {
    /// The endpoint of whoever loads.
    loader: ActorAddress,
    size: usize,
    /// Those of the source, and of its papers.
    bytes: usize,
    rooms: Arc<Rooms>,
}

impl OfferRoom {
    /// The size of the source.
    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    /// So many bytes have room, with those of its papers.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for OfferRoom {
    fn drop(&mut self) {
        self.rooms.bytes_taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The bytes of a source that somebody offers.
pub(crate) struct SourceBytes {
    hash: SourceHash,
    bytes: Bytes,
    papers: Arc<SourcePapers>,
    room: OfferRoom,
}

impl SourceBytes {
    pub(crate) fn new(bytes: Bytes, papers: SourcePapers, room: OfferRoom) -> Self {
        let hash = SourceHash(Sha256::digest(&bytes).into());
        Self { hash, bytes, papers: Arc::new(papers), room }
    }

    /// The bytes themselves.
    pub(crate) fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// The name of the source: the hash of its bytes.
    pub(crate) const fn hash(&self) -> SourceHash {
        self.hash
    }

    /// The size of the source, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// The bytes of a source that is to be compiled.
#[derive(Clone)]
enum Kept {
    OnDisk(SourceFile),
    InMemory(Arc<SourceBytes>),
}

impl Kept {
    fn compile(&self, engine: &Engine, hash: SourceHash, compile: &Compile) -> Result<Source, Unusable> {
        let compile = |bytes: &[u8]| {
            let failed =
                |error: SourceError| Unusable { is_lasting: error.is_lasting(), reason: error.to_string() };
            engine.compile(hash, bytes, compile.control()).map_err(failed)
        };
        match self {
            Self::OnDisk(file) => {
                let bytes = file.read().map_err(|error| Unusable::now(error.to_string()))?;
                compile(&bytes)
            }
            Self::InMemory(offer) => compile(&offer.bytes),
        }
    }

    fn file(self) -> Option<SourceFile> {
        match self {
            Self::OnDisk(file) => Some(file),
            Self::InMemory(_) => None,
        }
    }
}

impl Library {
    pub(crate) fn new(
        engine: Engine,
        clock: Clock,
        io: Handle,
        log: Arc<LogStore>,
        faults: Arc<FaultWatch>,
        accounts: Arc<Accounts>,
        files: Option<Arc<SourceFiles>>,
    ) -> Self {
        Self {
            compiles: Arc::new(Compiles::new(clock, engine.compile_seats())),
            engine,
            io,
            log,
            faults,
            files,
            accounts,
            rooms: Arc::default(),
            offered: Mutex::default(),
            papers: Mutex::default(),
            loaded: Mutex::default(),
            on_disk: Mutex::default(),
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
        self.rooms.take(loader, size, papers)
    }

    /// Keeps a source that is to be judged, until it is compiled or forgotten.
    pub(crate) fn offer(&self, id: OfferId, offer: SourceBytes) {
        self.papers.lock().insert(offer.hash, (id, offer.papers.clone()));
        self.offered.lock().insert(offer.hash, OfferedCode::Came(offer));
    }

    /// Has a source that an earlier run kept, before `Admin` hears of it.
    pub(crate) fn found(&self, kept: KeptSource) {
        let hash = kept.file.hash();
        let (manifest, signatures) = kept.record.papers();
        let signatures = signatures.into_iter().map(Bytes::from).collect();
        let papers = SourcePapers { manifest: manifest.map(Bytes::from), signatures };
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

    /// The bytes of a source that waits for its judgement.
    pub(crate) fn offered_bytes(&self, hash: SourceHash) -> Option<Bytes> {
        let file = match self.offered.lock().get(&hash)? {
            OfferedCode::Came(bytes) => return Some(bytes.bytes()),
            OfferedCode::Kept(kept) => kept.file.clone(),
        };
        file.read().ok().map(Bytes::from)
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
        drop(self.offered.lock().remove(&hash));
        drop(self.papers.lock().remove(&hash));
        let loaded = self.loaded.lock().remove(&hash);
        // Of what was not admitted nothing is to be found with the next start.
        if loaded.is_some_and(|loaded| loaded.recorded.is_none()) {
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

    /// Takes out what was offered, to load it.
    pub(crate) fn take(&self, hash: SourceHash) -> Option<OfferedCode> {
        self.offered.lock().remove(&hash)
    }

    /// Nothing that is being compiled is wanted any more.
    pub(crate) fn stop(&self) {
        self.compiles.end_all();
    }

    /// Makes code of what was offered. Returns what the source says of itself, and how long it took to compile in µs, 0
    /// where its code was known.
    ///
    /// # Errors
    /// It can't be used, or can't be kept. Then nothing of it is left.
    pub(crate) async fn load(&self, offer: OfferedCode) -> Result<(SourceInfo, u64), Unusable> {
        match offer {
            OfferedCode::Came(offer) => self.load_bytes(offer).await,
            OfferedCode::Kept(kept) => self.load_kept(*kept).await,
        }
    }

    /// The same of what an earlier run has kept. Where it can't be used now, its file stays: it may be with the next start.
    async fn load_kept(&self, kept: KeptSource) -> Result<(SourceInfo, u64), Unusable> {
        let KeptSource { file, record } = kept;
        let hash = file.hash();
        let memory_bytes = self.engine.compile_bounds(record.size).memory_bytes;
        let compile = self.compiles.enter(NOBODY, record.size, memory_bytes);
        compile.begin().await;
        let code = self.compile(compile, hash, Kept::OnDisk(file.clone())).await?;
        let papers_bytes = self.papers(hash).1.len();
        code.keep(CodeMemory::draw(self.accounts.of(hash), code.code_bytes() + papers_bytes)?);
        Ok(self.enter(code, Some(file), Some(record.digest())))
    }

    /// Code of a source is there from here on.
    fn enter(
        &self,
        code: Source,
        file: Option<SourceFile>,
        recorded: Option<RecordDigest>,
    ) -> (SourceInfo, u64) {
        let (hash, info) = (code.hash(), code.info().clone());
        let compile_us = if code.from_cache() { 0 } else { code.compile_time().as_micros() };
        let mut loaded = self.loaded.lock();
        let mut on_disk = self.on_disk.lock();
        let is_late = match (on_disk.get(&hash), &file) {
            (Some(newest), Some(file)) => newest.is_later_than(file),
            _ => false,
        };
        // A load of the same that began later was sooner: its file is there, and its record may be.
        if !(is_late && loaded.contains_key(&hash)) {
            on_disk.extend(file.map(|file| (hash, file)));
            loaded.insert(hash, LoadedCode { code, recorded });
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

    async fn load_bytes(&self, offer: SourceBytes) -> Result<(SourceInfo, u64), Unusable> {
        let (hash, papers_bytes) = (offer.hash, offer.papers.len());
        let memory_bytes = self.engine.compile_bounds(offer.size()).memory_bytes;
        let compile = self.compiles.enter(offer.room.loader, offer.size(), memory_bytes);
        let offer = Arc::new(offer);
        let (kept, compiled) = if compile.may_begin() {
            // The disk and the compiler need not wait for each other.
            let bytes = Kept::InMemory(offer.clone());
            tokio::join!(self.keep(offer), self.compile(compile, hash, bytes))
        } else {
            let kept = self.keep(offer).await?;
            compile.begin().await;
            let compiled = self.compile(compile, hash, kept.clone()).await;
            (Ok(kept), compiled)
        };
        let file = kept?.file();
        let compiled = compiled.and_then(|code| {
            code.keep(CodeMemory::draw(self.accounts.of(hash), code.code_bytes() + papers_bytes)?);
            Ok(code)
        });
        match compiled {
            Ok(code) => Ok(self.enter(code, file, None)),
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
        let keep =
            move || files.keep(offer.hash, &offer.bytes).map_err(|error| Unusable::now(error.to_string()));
        waited_for(self.io.spawn_blocking(keep).await).map(Kept::OnDisk)
    }
}

/// The outcome of work that may wait. A panic in it is the node's own: that of the compiler is none.
fn waited_for<T>(outcome: Result<Result<T, Unusable>, JoinError>) -> Result<T, Unusable> {
    match outcome.map_err(JoinError::try_into_panic) {
        Ok(outcome) => outcome,
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_)) => Err(Unusable::now("the node ends".to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADER: ActorAddress = ActorAddress::new(HostId(0), 1);

    #[test]
    fn what_is_on_its_way_in_is_bounded_and_what_has_come_gives_its_room_back() {
        let rooms = Arc::<Rooms>::default();
        let all = rooms.take(LOADER, OFFERED_BYTES_MAX - 10, 10).unwrap_or_else(|error| panic!("{error}"));
        for bytes in [1, OFFERED_BYTES_MAX, usize::MAX] {
            assert!(matches!(rooms.take(LOADER, bytes, 0), Err(ControlError::LimitReached(_))));
        }
        drop(SourceBytes::new(Bytes::new(), SourcePapers::default(), all));
        assert!(rooms.take(LOADER, OFFERED_BYTES_MAX - 10, 10).is_ok());
        assert_eq!(rooms.bytes_taken.load(Ordering::Relaxed), 0);
    }
}

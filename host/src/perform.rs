//! Carries out what `Admin` decides. Nothing here waits: what takes time runs elsewhere and reports by an event.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use thespian_core::address::ActorAddress;
use thespian_core::effect::Effect;
use thespian_core::envelope::{Body, Envelope, SourceOffered, StatusAnswer};
use thespian_core::life::{ActorEvent, LifeEffect};
use thespian_core::limits::{
    CLASS_CHECKS_MAX, JUDGEMENTS_AT_ONCE_MAX, READ_FOR_JUDGE_MAX, RESTORES_AT_ONCE_MAX, STATUS_WISHES_MAX,
};
use thespian_core::plan::Settled;
use thespian_core::source::{
    ClassCheck, HandOver, JudgeWish, JudgedBy, OfferId, RefusedSource, RunHash, SourceEffect, SourceEvent,
    SourceHash, Unusable, Verdict,
};
use thespian_core::time::Time;
use thespian_core::turn::Identity;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};
use tracing::Level;

use crate::actor::Start;
use crate::answers::{Answerers, worded};
use crate::config::Authority;
use crate::desk::Perform;
use crate::inside::Inside;
use crate::judge::{Approval, OfferedSource, SharedJudge};
use crate::library::OfferedCode;
use crate::node_fault::Entrance;
use crate::offers::SourceBytes;
use crate::plane::clock::utc;
use crate::remembering;
use crate::sandbox::{ActorInit, Source};
use crate::status;
use crate::store::audit::AuditEvent;

/// The name of the task that reads what an actor is to judge.
const READ_FOR_JUDGE: &str = "the reading of a source for its authority";

/// The name of the task that has a class asked whether it fits.
const CLASS_CHECK: &str = "a class's own check";

/// The node's hands.
pub(crate) struct Performer {
    inside: Arc<Inside>,
    io: Handle,
    /// The bytes that came with the event under way, until it is known whether they are wanted.
    offered: Option<SourceBytes>,
    /// Checks of classes that may be under way at one time.
    checking: Arc<Semaphore>,
    /// Sources that may be looked at at one time.
    looking: Arc<Semaphore>,
    /// Sources that may come back at one time.
    restoring: Arc<Semaphore>,
    /// Sources of an earlier run that are in memory at one time until an actor has judged them.
    reading: Arc<Semaphore>,
    statuses: mpsc::Sender<StatusWish>,
}

/// An actor's question for a status.
struct StatusWish {
    to: ActorAddress,
    request: u64,
    about: Option<ActorAddress>,
}

impl StatusWish {
    /// Grants it or says why not. The answer has its slot in the mailbox of whoever asked.
    fn answer(&self, inside: &Inside, outcome: Result<String, String>) {
        let body = Body::Status(Box::new(StatusAnswer { request: self.request, outcome }));
        inside.plane.notify(Envelope { target: self.to, sender: self.to, body });
    }
}

/// Answers actors, one after the other and beside the desk: a status reads all cells and is a document.
async fn answer_wishes(inside: Arc<Inside>, mut wishes: mpsc::Receiver<StatusWish>) {
    while let Some(wish) = wishes.recv().await {
        wish.answer(&inside, status::json(&inside, wish.about).await);
    }
}

impl Performer {
    pub(crate) fn new(inside: Arc<Inside>, io: Handle) -> Self {
        let (statuses, wishes) = mpsc::channel(STATUS_WISHES_MAX);
        inside.desk.faults().spawn(&io, "the statuses for actors", answer_wishes(inside.clone(), wishes));
        let checking = Arc::new(Semaphore::new(CLASS_CHECKS_MAX));
        let looking = Arc::new(Semaphore::new(JUDGEMENTS_AT_ONCE_MAX));
        let restoring = Arc::new(Semaphore::new(RESTORES_AT_ONCE_MAX));
        let reading = Arc::new(Semaphore::new(READ_FOR_JUDGE_MAX));
        Self { inside, io, offered: None, checking, looking, restoring, reading, statuses }
    }

    /// Reads the papers of an offer, where signatures may take their time.
    fn examine(&self, hash: SourceHash, offer: OfferId) {
        let (inside, desk) = (self.inside.clone(), self.inside.desk.clone());
        self.in_turn("the papers of a source", move || {
            let papers = inside.library.papers(hash).1.read(&inside.policy.keys());
            desk.tell(SourceEvent::Examined { hash, offer, papers, now: utc() });
        });
    }

    /// Has an offer wait for a person where it outlives the node.
    fn keep_pending(&self, hash: SourceHash, offer: OfferId, due: Time) {
        let inside = self.inside.clone();
        self.inside.desk.faults().spawn(&self.io, "a source that waits for a person", async move {
            inside.desk.tell(match remembering::keep_pending(&inside, hash, offer, due).await {
                Ok(()) => SourceEvent::PendingKept { hash, offer },
                Err(why) => {
                    let verdict = Err(format!("it can't wait for a person: {}", why.reason));
                    SourceEvent::Judged { hash, offer, verdict }
                }
            });
        });
    }

    /// Has the program's own judge look at an offer.
    fn judge(&self, JudgeWish { hash, offer, label, rights }: JudgeWish) {
        let Authority::Custom(SharedJudge(judge)) = self.inside.setup.authority.clone() else { return };
        let (library, desk) = (self.inside.library.clone(), self.inside.desk.clone());
        self.in_turn("the judge of a source", move || {
            // Unloaded meanwhile, or overdue; with its room, which others have.
            let (of, papers) = library.papers(hash);
            let Some(component) = library.offered_bytes(hash).filter(|_| of == offer) else { return };
            let offered = OfferedSource {
                hash,
                label: &label,
                component: &component,
                manifest: papers.manifest.as_deref(),
                signatures: &papers.signatures,
                rights,
            };
            // A program's code, about a stranger's bytes: no fault of the node.
            let judged = catch_unwind(AssertUnwindSafe(|| judge.judge(offered)));
            let judged = judged.unwrap_or_else(|_| Err("its judge failed: it panicked".to_string()));
            let verdict = judged.map(|Approval { rights, limits }| Verdict {
                rights,
                limits,
                judged_by: JudgedBy::Program,
                ..Verdict::default()
            });
            desk.tell(SourceEvent::Judged { hash, offer, verdict });
        });
    }

    /// Puts an offer into the hands of an actor, and tells it. What is on disk is read first, a few at a time: of what comes back
    /// with a start there may be thousands, and each is in memory until it is judged.
    fn hand_over(&self, wish: HandOver) {
        let (to, hash, offer) = (wish.to, wish.hash, wish.offer);
        let offered = SourceOffered { hash, label: wish.label.clone() };
        let notice = Envelope { target: to, sender: to, body: Body::SourceOffered(Box::new(offered)) };
        let Some(wish) = self.inside.library.hand_over(wish) else { return self.inside.plane.notify(notice) };
        let (inside, io, reading) = (self.inside.clone(), self.io.clone(), self.reading.clone());
        self.inside.desk.faults().spawn(&self.io, READ_FOR_JUDGE, async move {
            let turn = reading.acquire_owned().await.ok();
            let read = move || {
                let handed = inside
                    .desk
                    .faults()
                    .guard(Entrance::Task(READ_FOR_JUDGE), || inside.library.read_into_hands(wish, turn));
                match handed {
                    Some(Ok(true)) => inside.plane.notify(notice),
                    Some(Err(why)) => {
                        inside.desk.tell(SourceEvent::Judged { hash, offer, verdict: Err(why) });
                    }
                    // Not wanted any more, or the node ends.
                    Some(Ok(false)) | None => {}
                }
            };
            // An error means that the node ends.
            let _ = io.spawn_blocking(read).await;
        });
    }

    /// Finds a place for the actor that is the authority.
    fn find_place(&self) {
        let place = self.inside.place_for(self.inside.setup.appointed);
        self.inside.desk.tell(SourceEvent::PlaceFound(place));
    }

    fn note_refused(&self, RefusedSource { hash, label, by, reason }: RefusedSource) {
        let (source, by) = (hash.to_string(), by.map(|by| by.to_string()));
        self.inside.audit.note(AuditEvent::Refused { source, label, by, reason });
    }

    fn note_ignored(&self, by: ActorAddress, offer: Option<OfferId>) {
        let number = offer.map(|offer| offer.0);
        self.inside.audit.note(AuditEvent::Ignored { actor: by.to_string(), offer: number });
        let text = match offer {
            Some(OfferId(offer)) => {
                format!("what {by} says of offer {offer} is ignored: it is not in its hands")
            }
            None => format!(
                "{by} is not made the authority: it has no right to be, or configuration names another"
            ),
        };
        self.inside.plane.log.node(Level::WARN, "sources", &text);
    }

    /// Looks at what is offered, on a thread that may wait, a few at a time.
    fn in_turn(&self, name: &'static str, look: impl FnOnce() + Send + 'static) {
        let (io, desk, looking) = (self.io.clone(), self.inside.desk.clone(), self.looking.clone());
        self.inside.desk.faults().spawn(&self.io, name, async move {
            let place = looking.acquire_owned().await;
            let looked = io.spawn_blocking(move || {
                let _place = place;
                desk.faults().guard(Entrance::Task(name), look);
            });
            // An error means that the node ends.
            let _ = looked.await;
        });
    }

    /// The bytes are taken now, with the effect: a task that took them when it runs would find those of a later offer of
    /// the same source, or none.
    ///
    /// Where a source is unloaded and offered again meanwhile, two loads of it are under way, and `Admin` takes the first
    /// outcome for that of the later offer. Code is that of the same bytes, so success is as good as its own; only where the
    /// unload came between the first code's being kept and its being told is there no code until the later load has
    /// its own, and creates fail till then. A failure is true of the same bytes, or of the disk a moment ago: the later
    /// offer is then refused for that reason, and what its own load still brings is forgotten.
    fn validate(&self, hash: SourceHash, runs: Option<RunHash>) {
        // Only `Admin`'s end lets go of what waits for it: all who would hear of it have been told.
        let Some(offer) = self.inside.library.take(hash, runs) else { return };
        if runs.is_some() && offer.replaced.is_none() {
            let why = "what its authority has put in its place is gone: load it again".to_string();
            let outcome = Err(Unusable::now(why));
            return self.inside.desk.tell(SourceEvent::Validated { hash, runs, outcome, compile_us: 0 });
        }
        let (inside, restoring) = (self.inside.clone(), self.restoring.clone());
        self.inside.desk.faults().spawn(&self.io, "a load", async move {
            // Of what comes back with a start there may be thousands: those who load now are not to wait among them.
            let _turn = match &offer.code {
                OfferedCode::Kept(_) => restoring.acquire_owned().await.ok(),
                OfferedCode::Came(_) | OfferedCode::Waiting(_) => None,
            };
            let loaded = inside.library.load(offer).await;
            let loaded = match loaded {
                Ok(loaded) => remembering::admit(&inside, hash).await.map(|()| loaded),
                Err(why) => Err(why),
            };
            let (outcome, compile_us) = match loaded {
                Ok((info, compile_us)) => (Ok(info), compile_us),
                Err(why) => (Err(why), 0),
            };
            inside.desk.tell(SourceEvent::Validated { hash, runs, outcome, compile_us });
            remembering::write_history(&inside).await;
        });
    }

    /// Nobody may use a source any more. What its actors have stays on its account; accounts on which nothing is left go.
    fn forget(&self, hash: SourceHash) {
        let Inside { library, plane, cells, .. } = &*self.inside;
        library.forget(hash);
        for source in plane.accounts.tidy(|source| library.code(source).is_some()) {
            cells.pool().forget_used(source);
        }
    }

    /// As an actor's start, on the threads of the actors: a check that spins is a runaway there. First its source's share has to
    /// come to it, then there has to be a place for it: whoever waits for the first keeps no place from others.
    fn check_class(&self, question: ClassCheck) {
        let code = self.inside.library.code(question.source);
        let (checking, desk, io) = (self.checking.clone(), self.inside.desk.clone(), self.io.clone());
        let ClassCheck { source, class, capabilities, requirements } = question;
        let pool = self.inside.cells.pool().clone();
        self.inside.cells.pool().call(source, move || {
            desk.faults().clone().spawn(&io, CLASS_CHECK, async move {
                // As many at one time as there are places for them.
                let places = code.as_ref().map_or(1, Source::places);
                let places = checking.acquire_many_owned(u32::try_from(places).unwrap_or(u32::MAX)).await;
                pool.call_first(source, move || {
                    let _places = places;
                    let outcome = match code {
                        Some(code) => code
                            .accepts(&class, &capabilities, &requirements)
                            .map_err(|fault| fault.to_string()),
                        None => Err("its source was unloaded meanwhile".to_string()),
                    };
                    desk.tell(SourceEvent::Checked { source, class, outcome });
                });
            });
        });
    }

    /// Has the wish answered in its turn; where too many wait, at once, by a refusal.
    fn tell_status(&self, wish: StatusWish) {
        if let Err(TrySendError::Full(wish)) = self.statuses.try_send(wish) {
            let why = format!("{STATUS_WISHES_MAX} statuses are asked for already: ask again later");
            wish.answer(&self.inside, Err(why));
        }
    }

    fn settle(&self, address: ActorAddress, place: Settled) {
        let plan = match place {
            Settled::Here(plan) => *plan,
            Settled::Nowhere(why) => return self.inside.cells.settle_nowhere(address, why),
        };
        let Some(source) = self.inside.library.code(plan.source) else {
            let why = "its source was unloaded meanwhile".to_string();
            return self.inside.cells.settle_nowhere(address, why);
        };
        let identity = Identity {
            me: plan.address,
            parent: plan.parent,
            on_trap: plan.on_trap,
            children_at_restart: plan.children_at_restart,
            watch_restarts: plan.watch_restarts,
            transient: plan.transient,
        };
        let limits = self.inside.cells.limits();
        let limits = if plan.limits.is_empty() {
            limits.clone()
        } else {
            match plan.limits.of(limits) {
                Ok(limits) => Arc::new(limits),
                Err(why) => return self.inside.cells.settle_nowhere(address, why.to_string()),
            }
        };
        let class: Arc<str> = plan.class.as_str().into();
        let init = ActorInit {
            parent: plan.parent,
            global_name: plan.name,
            requirements: plan.requirements,
            init: plan.init,
            ..ActorInit::default()
        };
        let start = Start { identity, source, class, init, rights: plan.rights, limits };
        self.inside.cells.settle_here(start, plan.log_level);
    }
}

impl Perform for Performer {
    fn take_offered(&mut self, offered: Option<SourceBytes>) {
        self.offered = offered;
    }

    fn take_loaded(&mut self, loader: ActorAddress, request: u64) {
        self.offered = self.inside.library.loads.take(loader, request);
    }

    fn actor_ended(&mut self, address: ActorAddress) {
        self.inside.cells.remove(address);
        self.inside.grants.actor_ended(address);
        self.inside.library.loads.actor_ended(address);
    }

    fn perform(&mut self, answerers: &mut Answerers, effect: Effect) {
        let Inside { plane, cells, ends, .. } = &*self.inside;
        match effect {
            Effect::TellStatus { to, request, about } => self.tell_status(StatusWish { to, request, about }),
            Effect::ShowStatus { asker, about } => {
                let Some(answerer) = answerers.take(asker) else { return };
                let inside = self.inside.clone();
                self.inside.desk.faults().spawn(&self.io, "a status", async move {
                    answerer.answer(status::answer(&inside, about).await);
                });
            }
            Effect::Source(SourceEffect::Keep { hash, offer }) => match self.offered.take() {
                Some(bytes) => self.inside.library.offer(offer, bytes),
                None => self.inside.library.found_as(hash, offer),
            },
            Effect::Source(SourceEffect::KeepPending { hash, offer, due }) => {
                self.keep_pending(hash, offer, due);
            }
            Effect::Source(SourceEffect::Examine { hash, offer }) => self.examine(hash, offer),
            Effect::Source(SourceEffect::Judge(wish)) => self.judge(*wish),
            Effect::Source(SourceEffect::HandOver(wish)) => self.hand_over(*wish),
            Effect::Source(SourceEffect::NoteIgnored { by, offer }) => self.note_ignored(by, offer),
            Effect::Source(SourceEffect::FindPlace) => self.find_place(),
            Effect::Source(SourceEffect::Validate { hash, runs }) => self.validate(hash, runs),
            Effect::Source(SourceEffect::Forget(hash)) => self.forget(hash),
            Effect::Source(SourceEffect::Erase(hash)) => self.inside.library.erase(hash),
            Effect::Source(SourceEffect::NoteUnloaded(hash)) => {
                self.inside.audit.note(AuditEvent::Unloaded { source: hash.to_string() });
            }
            Effect::Source(SourceEffect::NoteRefused(refused)) => self.note_refused(*refused),
            Effect::Source(SourceEffect::NoteAuthority(judge)) => {
                let actor = judge.map(|judge| judge.address.to_string());
                let source = judge.map(|judge| judge.source.to_string());
                self.inside.audit.note(AuditEvent::Authority { actor, source });
            }
            Effect::Life(LifeEffect::FindPlace { post, source }) => {
                let place = self.inside.place_for(Some(source));
                self.inside.desk.tell(ActorEvent::PlaceFound { post, place });
            }
            Effect::Life(LifeEffect::EnterPending(address)) => cells.enter_pending(address),
            Effect::Life(LifeEffect::SetDeadLetterHandler(handler)) => {
                plane.dead_letters.set_handler(handler);
            }
            Effect::SetCapabilities(capabilities) => cells.set_capabilities(capabilities),
            Effect::Source(SourceEffect::CheckClass(question)) => self.check_class(*question),
            Effect::Life(LifeEffect::Settle { address, place }) => self.settle(address, place),
            Effect::Route(envelope) => plane.notify(envelope),
            Effect::Life(LifeEffect::Kill { address, reason }) => {
                cells.kill(address, reason);
                self.inside.cells.pool().wake_runaways();
            }
            Effect::Life(LifeEffect::LetStart(address)) => cells.let_start(address),
            Effect::Life(LifeEffect::NoteEnd { address, class, reason }) => ends.note(address, class, reason),
            Effect::Progress { asker, step } => answerers.progress(asker, step),
            Effect::Answer { asker, answer } => answerers.answer(asker, worded(answer)),
            Effect::Life(LifeEffect::SetLogLevel { address, level }) => cells.set_log_level(address, level),
            Effect::Life(LifeEffect::SetRights { address, rights }) => cells.set_rights(address, rights),
            Effect::Stop => {
                plane.log.node(Level::INFO, "node", "stopped");
                plane.table.clear();
                cells.clear();
                self.inside.library.stop();
            }
        }
    }
}

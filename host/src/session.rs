//! One outside program's presence at a node: what it may ask, and how it is answered. The same for a program that
//! embeds the node and for one behind a socket.
//!
//! ```text
//!  open ─► endpoint, private or joined by its name
//!    │
//!    ├─ tell, ask, listen ──────► mail ─► plane                     no look at `Admin`
//!    ├─ create, exit, kill, load, unload, stop ... ─► desk ─► Admin ─► answer
//!    ├─ status, actors, sources, log levels ───────► desk: a look at Admin
//!    ├─ grants ─► where the node listens for actors
//!    └─ logs ──► the log
//!    │
//!  dropped ─► its aliases are forgotten; its endpoint closes, or waits for somebody to come back to its name
//! ```

mod logs;
mod mail;
mod policy;

use std::sync::Arc;

use bytes::Bytes;
use thespian_core::address::ActorAddress;
use thespian_core::budget::{Account, Purpose};
use thespian_core::envelope::{Body, Envelope, ExitRequest};
use thespian_core::limits::{CREATE_TIME_MAX, ERROR_TEXT_LEN_MAX, LABEL_LEN_MAX, source_size};
use thespian_core::question::{Offer, Question, Refusal};
use thespian_core::role::Role;
use thespian_core::source::registry::Registry;
use thespian_core::source::{PersonsApproval, Rights, SourceHash};
use thespian_core::wire::control::{ControlError, CreateActor, Incoming, LogLevelsStatus, Reply, Request};
use thespian_core::wire::hello::{HelloError, Welcome};

use self::mail::{Mail, timed_out};
use crate::answers::Answered;
pub use crate::answers::{Update, Updates};
use crate::inside::Inside;
use crate::node_fault::Entrance;
use crate::offers::{OfferRoom, SourceBytes};
use crate::plane::places::Payer;
use crate::signing::SourcePapers;
use crate::status;

/// Length of an endpoint's name, in bytes: it is typed by people.
const ENDPOINT_NAME_LEN_MAX: usize = 64;

/// All that is said of a source when it is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Words about it, for lists: its file's name.
    pub label: String,
    /// The rights of its actors, besides those of all; where it has a manifest, those that it may have of what that wants. Absent:
    /// none, or all that its manifest wants.
    pub rights: Option<Rights>,
    /// Its manifest and that one's signatures.
    pub papers: SourcePapers,
    /// Whether it may be an older version than one before: for operators.
    pub is_downgrade: bool,
}

impl LoadOptions {
    /// Of a source that has no more rights than all.
    #[must_use]
    pub fn named(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }
}

struct Presence {
    inside: Arc<Inside>,
    /// The name of its endpoint, if others can join it by one.
    name: Option<String>,
    welcome: Welcome,
    mail: Mail,
}

/// A client's presence at a node: its endpoint, its asks and its listens. Dropping the last clone leaves nothing
/// behind, but for a named endpoint, which waits ten minutes for its client to come back.
#[derive(Clone)]
pub struct Session {
    presence: Arc<Presence>,
}

/// Opens sessions at a node, for those who serve others.
#[derive(Clone)]
pub(crate) struct SessionOpener(pub(crate) Arc<Inside>);

impl SessionOpener {
    pub(crate) fn open(&self, endpoint: Option<&str>, role: Role) -> Result<Session, HelloError> {
        Session::open(self.0.clone(), endpoint, role, true)
    }
}

impl Session {
    /// `is_near`: it is used on the node's own threads, not on those of a program that embeds the node.
    pub(crate) fn open(
        inside: Arc<Inside>,
        name: Option<&str>,
        role: Role,
        is_near: bool,
    ) -> Result<Self, HelloError> {
        let endpoint = match name {
            None => inside.endpoints.open(),
            Some(name) => {
                check_endpoint_name(name)?;
                if !role.may(Role::Talk) {
                    let text = format!("a program with the role `{role}` receives nothing");
                    return Err(HelloError::Endpoint(text));
                }
                let joined = inside.endpoints.join(role, name);
                joined.ok_or_else(|| {
                    HelloError::Endpoint("the node keeps as many as it can, and all are used".to_string())
                })?
            }
        };
        let welcome = Welcome {
            node_version: env!("CARGO_PKG_VERSION").to_string(),
            host: inside.plane.host,
            endpoint: endpoint.address,
            role,
        };
        let name = name.map(str::to_string);
        let mail = Mail::new(inside.clone(), endpoint, is_near);
        Ok(Self { presence: Arc::new(Presence { inside, name, welcome, mail }) })
    }

    /// The node that answers, and where this client receives.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.presence.welcome
    }

    fn is_operator(&self) -> bool {
        self.welcome().role == Role::Operate
    }

    /// The account of programs outside.
    pub(crate) fn account(&self) -> Arc<Account> {
        self.presence.inside.plane.accounts.outside().clone()
    }

    /// Answers every question but `Load`. Questions are independent; dropping the future takes one back.
    ///
    /// # Errors
    /// As each question documents; `NodeFailed` when the node ends for a fault of its own.
    pub async fn answer(&self, request: Request, updates: &Updates) -> Result<Reply, ControlError> {
        self.guard(self.answer_one(request, updates)).await
    }

    /// A fault of the node's own while it answers ends the node, whosever thread it is on.
    async fn guard(&self, answer: impl Future<Output = Answered>) -> Answered {
        let desk = &self.presence.inside.desk;
        let answered = desk.faults().watch(Entrance::Task("an answer to a program"), answer).await;
        answered.unwrap_or_else(|| Err(desk.why_closed()))
    }

    async fn answer_one(&self, request: Request, updates: &Updates) -> Answered {
        let Presence { inside, mail, .. } = &*self.presence;
        match request {
            Request::Tell { target, message } => mail.tell(target, message).await,
            Request::Ask { target, message, timeout_ms } => mail.ask(target, message, timeout_ms).await,
            Request::Listen { timeout_ms } => mail.listen(timeout_ms).await,
            Request::Create(create) => self.create(create).await,
            Request::Load { .. } | Request::LoadSigned { .. } => {
                Err(ControlError::Invalid("a load needs the bytes of the source".to_string()))
            }
            Request::Unload { source } => self.about(source, |source| Question::Unload { source }).await,
            Request::SetAside { source } => self.about(source, |source| Question::SetAside { source }).await,
            Request::Audit { last } => inside.audit.last(last).await.map(Reply::Audit),
            Request::Pending => status::pending(inside).await.map(Reply::Pending),
            Request::Approve { source, allow } => {
                let approval = PersonsApproval { allowed: allow };
                self.about(source, move |source| Question::Approve { source, approval }).await
            }
            Request::Refuse { source, why } => {
                check_reason(&why)?;
                self.about(source, move |source| Question::Refuse { source, why }).await
            }
            Request::Sources => status::sources(inside).await.map(Reply::Sources),
            Request::Source { source } => status::source(inside, source).await,
            Request::Policy => Ok(Reply::Policy(inside.policy.status())),
            Request::CheckPolicy { text } => policy::check(inside, text).await,
            Request::ReloadPolicy => policy::reload(inside).await,
            Request::EditPolicy(change) => policy::edit(inside, change).await,
            Request::AcceptClock => policy::accept_clock(inside).await,
            Request::Actors { after, filter } => {
                status::actors(inside, after, filter).await.map(Reply::Actors)
            }
            Request::Exit { target, recursive, wait: true } => {
                self.question(Question::Exit { target, recursive }).await
            }
            Request::Exit { target, recursive, wait: false } => self.exit(target, recursive),
            Request::Kill { target } => self.question(Question::Kill { target }).await,
            Request::KillSource { source } => {
                self.about(source, |source| Question::KillSource { source }).await
            }
            Request::Logs { actor, last, follow } => logs::logs(inside, actor, last, follow, updates).await,
            Request::Status => self.question(Question::Status { about: None }).await,
            Request::Stop => {
                inside.desk.note_stopping();
                match self.question(Question::Stop).await {
                    // It has stopped before the question reached it, which is what was asked for.
                    Err(ControlError::ShuttingDown | ControlError::NodeFailed { .. }) => Ok(Reply::Done),
                    answer => answer,
                }
            }
            Request::LogLevels => {
                let levels = inside.desk.look(|admin| LogLevelsStatus::from(admin.log_levels())).await?;
                Ok(Reply::LogLevels(Box::new(levels)))
            }
            Request::SetLogLevel { scope, level } => {
                let set = move |sources: &Registry| {
                    let scope = scope.resolve(|source| sources.find(source))?;
                    Ok(Question::SetLogLevel { scope, level })
                };
                self.question_of_source(set).await
            }
            Request::Actor { target } => self.question(Question::Status { about: Some(target) }).await,
            Request::UpdateCapability { name, value } => {
                self.question(Question::UpdateCapability { name, value }).await
            }
            Request::GrantTcp { listen, actor, idle_ms } => {
                inside.grants.open(listen, actor, idle_ms).await.map(Reply::Granted)
            }
            Request::Grants => Ok(Reply::Grants(inside.grants.list())),
            Request::Revoke { listen } => inside.grants.revoke(&listen).await.map(|()| Reply::Done),
        }
    }

    /// Offers a source and waits until it is loaded.
    ///
    /// # Errors
    /// `SourceRefused` says who refused it and why; `LimitReached` that as much as the node takes is on its way in.
    pub async fn load(
        &self,
        bytes: Bytes,
        options: LoadOptions,
        updates: &Updates,
    ) -> Result<Reply, ControlError> {
        let room = self.room(bytes.len() as u64, &options)?;
        self.offer(SourceBytes::new(bytes, options.papers.clone(), room), options, updates).await
    }

    /// Takes room for a source of so many bytes, before they come, once all that is said of it is within its bounds.
    pub(crate) fn room(&self, size: u64, options: &LoadOptions) -> Result<OfferRoom, ControlError> {
        let Presence { inside, mail, .. } = &*self.presence;
        let size = source_size(size).map_err(|error| ControlError::Upload(error.to_string()))?;
        check_label(&options.label)?;
        options.papers.check().map_err(|error| ControlError::Upload(error.to_string()))?;
        inside.library.room(mail.endpoint().address, size, options.papers.len())
    }

    /// As [`Self::load`], of bytes that have come into their room.
    pub(crate) async fn offer(
        &self,
        bytes: SourceBytes,
        options: LoadOptions,
        updates: &Updates,
    ) -> Answered {
        let (hash, size) = (bytes.hash(), bytes.size());
        let LoadOptions { label, rights, papers, is_downgrade } = options;
        // An operator's to give. Of what a manifest wants everybody may let it have less.
        let given = rights.filter(|_| self.is_operator()).unwrap_or_default();
        let has_manifest = papers.manifest.is_some();
        let allowed = rights.filter(|_| has_manifest);
        let by = Some(self.welcome().endpoint);
        let offer = Box::new(Offer { hash, label, size, given, allowed, has_manifest, is_downgrade, by });
        let question = |_: &Registry| Ok(Question::Load(offer));
        self.guard(self.presence.inside.desk.ask(question, Some(bytes), Some(updates.clone()))).await
    }

    async fn question(&self, question: Question) -> Answered {
        self.question_of_source(|_| Ok(question)).await
    }

    /// Asks something about the one source whose hash begins so.
    async fn about(
        &self,
        source: String,
        question: impl FnOnce(SourceHash) -> Question + Send + 'static,
    ) -> Answered {
        self.question_of_source(move |sources| sources.find(&source).map(question)).await
    }

    /// Asks what `question` makes of the sources that are known.
    async fn question_of_source(
        &self,
        question: impl FnOnce(&Registry) -> Result<Question, Refusal> + Send + 'static,
    ) -> Answered {
        self.presence.inside.desk.ask(question, None, None).await
    }

    async fn create(&self, create: CreateActor) -> Answered {
        let Presence { inside, mail, .. } = &*self.presence;
        if let Some(init) = &create.init {
            mail.check(init)?;
        }
        let address = inside.plane.new_address();
        let role = self.welcome().role;
        let purpose = if self.is_operator() { Purpose::OperatorsCreate } else { Purpose::Create };
        let node = inside.clone();
        let question = move |sources: &Registry| {
            let source = sources.find(&create.source);
            let places = source.as_ref().map_or(1, |source| node.library.places(*source));
            let payer = Payer { account: node.plane.accounts.outside().clone(), purpose };
            node.plane.places.reserve(address, payer, places).map_err(Refusal::LimitReached)?;
            Ok(create.into_question(address, source, role))
        };
        let created = self.question_of_source(question);
        tokio::select! {
            biased;
            created = created => created,
            () = inside.plane.alarms.sleep(CREATE_TIME_MAX) => Err(timed_out(CREATE_TIME_MAX)),
        }
    }

    fn exit(&self, target: ActorAddress, recursive: bool) -> Answered {
        let Presence { inside, mail, .. } = &*self.presence;
        if !inside.plane.table.has_actor(target) {
            return Err(ControlError::TargetDead { target });
        }
        let body = Body::ExitRequest(ExitRequest { recursive });
        inside.plane.notify(Envelope { target, sender: mail.endpoint().address, body });
        Ok(Reply::Done)
    }

    /// The reason why the node serves nobody any more, once it has stopped.
    pub(crate) fn why_stopped(&self) -> String {
        match self.presence.inside.desk.why_closed() {
            ControlError::ShuttingDown => "the node stopped".to_string(),
            failed => failed.to_string(),
        }
    }

    /// A message that was taken from the endpoint, or answers an ask, does not reach its client.
    pub(crate) fn not_taken(&self, message: Incoming, why: &str) {
        self.presence.mail.not_taken(message, why);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.mail.forget_aliases();
        match &self.name {
            None => self.inside.endpoints.close(self.mail.endpoint()),
            Some(name) => self.inside.endpoints.leave(self.welcome.role, name),
        }
    }
}

/// Every listing of sources repeats it, and the audit log.
fn check_reason(why: &str) -> Result<(), ControlError> {
    if why.trim().is_empty() || why.len() > ERROR_TEXT_LEN_MAX {
        let text = format!("a reason has 1 to {ERROR_TEXT_LEN_MAX} bytes, and this one {}", why.len());
        return Err(ControlError::Invalid(text));
    }
    Ok(())
}

/// Every listing of sources repeats it.
pub(crate) fn check_label(label: &str) -> Result<(), ControlError> {
    if label.len() > LABEL_LEN_MAX {
        let len = label.len();
        let text = format!("its name has {len} bytes; at most {LABEL_LEN_MAX} are allowed");
        return Err(ControlError::Upload(text));
    }
    Ok(())
}

fn check_endpoint_name(name: &str) -> Result<(), HelloError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > ENDPOINT_NAME_LEN_MAX || !name.bytes().all(is_plain) {
        let text = format!("a name has 1 to {ENDPOINT_NAME_LEN_MAX} letters, digits, `-`, `_` or `.`");
        return Err(HelloError::Endpoint(text));
    }
    Ok(())
}

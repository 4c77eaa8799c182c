//! One connection after its hello: reads questions, lets them run side by side, writes their answers as they come.
//!
//! All in one task: an answer takes no wake-up besides the one that brings it from the actor. While a client does
//! not read, nothing is read from it either, so it can fill no buffer but its own.

use std::collections::{HashMap, VecDeque};
use std::pin::{Pin, pin};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{FuturesUnordered, StreamExt};
use thespian_core::limits::{
    CONNECTION_UPDATES_MAX, CONNECTION_WRITE_BYTES, FRAME_TIME_MAX, HELLO_TIME_MAX, REQUESTS_IN_FLIGHT_MAX,
    UPLOAD_TIME_MAX,
};
use thespian_core::wire::codec;
use thespian_core::wire::control::{
    ClientFrame, ControlError, Incoming, LoadProgress, NodeFrame, Reply, Request,
};
use thespian_core::wire::frame::FrameError;
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Manner;
use super::frame_room::FrameRoom;
use super::uploads::{Gathered, Uploaded, Uploads};
use crate::answers::{Answered, Update, Updates};
use crate::session::{LoadOptions, Session};
use crate::signing::SourcePapers;
use crate::transport::{FrameReader, WriteHalf};

type Answering<'a> = Pin<Box<dyn Future<Output = (u64, Answered)> + Send + 'a>>;

struct Dialogue<'a> {
    session: &'a Session,
    manner: Manner<'a>,
    answering: FuturesUnordered<Answering<'a>>,
    under_way: HashMap<u64, AbortHandle>,
    uploads: Uploads,
    /// For questions that have no updates.
    nowhere: &'a Updates,
    updates: mpsc::Sender<NodeFrame>,
    coming: mpsc::Receiver<NodeFrame>,
    /// Frames that come next, in order, once there is room in `out`: updates, and the answer behind them.
    next: VecDeque<NodeFrame>,
    out: Vec<u8>,
    /// The messages of actors in `out`.
    unwritten: Vec<Incoming>,
}

/// Messages that have not gone into the socket are dead letters.
impl Drop for Dialogue<'_> {
    fn drop(&mut self) {
        let waiting = self.next.drain(..).filter_map(|frame| match frame {
            NodeFrame::Reply { reply: Ok(Reply::Received(message)), .. } => Some(message),
            _ => None,
        });
        for message in self.unwritten.drain(..).chain(waiting) {
            self.session.not_taken(message, "its receiver, an outside program, left before it was written");
        }
    }
}

/// Serves until the client leaves, or the shell is `closing`: then what is answered is still written.
pub(super) async fn serve(
    mut reader: FrameReader,
    mut writer: WriteHalf,
    session: Session,
    manner: Manner<'_>,
    mut closing: watch::Receiver<bool>,
) {
    let (nowhere, _) = mpsc::channel(1);
    let (updates, coming) = mpsc::channel(CONNECTION_UPDATES_MAX);
    let mut dialogue = Dialogue {
        session: &session,
        manner,
        answering: FuturesUnordered::new(),
        under_way: HashMap::new(),
        uploads: Uploads::default(),
        nowhere: &nowhere,
        updates,
        coming,
        next: VecDeque::new(),
        out: Vec::new(),
        unwritten: Vec::new(),
    };
    let mut is_closing = false;
    let mut room = FrameRoom::new(session.account());
    loop {
        // First what is here already: questions may come in one piece with the hello. What is left waits until there
        // is room for what the node says to it.
        while dialogue.has_room() {
            match reader.ready() {
                Ok(Some(frame)) => {
                    room.has_come();
                    if let Err(reason) = dialogue.take(&frame) {
                        return dialogue.close(&mut writer, &reason).await;
                    }
                }
                Ok(None) => break,
                Err(error) => return dialogue.close(&mut writer, &error.to_string()).await,
            }
        }
        // Whatever else is ready goes out in the same write.
        while dialogue.has_room() {
            if let Some(Some(answered)) = dialogue.answering.next().now_or_never() {
                dialogue.answer(answered);
            } else if let Ok(frame) = dialogue.coming.try_recv() {
                dialogue.put(frame);
            } else {
                break;
            }
        }
        if !dialogue.out.is_empty() {
            let (is_behind, begun) = (!dialogue.has_room(), Instant::now());
            if !dialogue.flush(&mut writer).await {
                return;
            }
            room.pause(begun.elapsed());
            // More may be ready, and nobody wakes for it.
            if is_behind || is_closing || !dialogue.out.is_empty() {
                continue;
            }
        }
        if is_closing {
            return dialogue.say_closing(&mut writer, &session.why_stopped()).await;
        }
        // Of one that sends no more only a little is missing, which it left with the system, and its end.
        let may_read = room.has_part(reader.part_bytes()) || reader.is_ended();
        tokio::select! {
            Some(answered) = dialogue.answering.next() => dialogue.answer(answered),
            Some(frame) = dialogue.coming.recv() => dialogue.put(frame),
            id = dialogue.uploads.overdue() => dialogue.put(upload_overdue(id)),
            () = room.overdue() => return dialogue.close(&mut writer, &frame_overdue()).await,
            () = room.retry(), if !may_read => {}
            filled = reader.fill(), if may_read => match filled {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return dialogue.close(&mut writer, &error.to_string()).await,
            },
            () = super::closed(&mut closing) => is_closing = true,
        }
    }
}

/// Takes a load's announcement apart: the size of the source, and what is said of it.
///
/// # Errors
/// It is another request.
fn load_options(request: Request) -> Result<(u64, LoadOptions), Box<Request>> {
    match request {
        Request::Load { info, size, rights } => {
            Ok((size, LoadOptions { label: info, rights: Some(rights), ..LoadOptions::default() }))
        }
        Request::LoadSigned { info, size, manifest, signatures, allow, downgrade } => {
            let papers = SourcePapers { manifest: Some(manifest), signatures };
            Ok((size, LoadOptions { label: info, rights: allow, papers, is_downgrade: downgrade }))
        }
        request => Err(Box::new(request)),
    }
}

fn frame_overdue() -> String {
    format!(
        "a frame did not come within {} s, or the node has no memory for it (`memory-budget-bytes`)",
        FRAME_TIME_MAX.as_secs()
    )
}

fn upload_overdue(id: u64) -> NodeFrame {
    let why = format!("not all of it came within {} s", UPLOAD_TIME_MAX.as_secs());
    NodeFrame::Reply { id, reply: Err(ControlError::Upload(why)) }
}

impl<'a> Dialogue<'a> {
    /// Whether one more frame may be made: `out` is bounded, however big the last one is.
    fn has_room(&self) -> bool {
        self.out.len() < CONNECTION_WRITE_BYTES && self.next.is_empty()
    }

    /// Writes what is ready, and makes the next ready. False: nobody reads any more.
    async fn flush(&mut self, writer: &mut WriteHalf) -> bool {
        let mut writing = pin!(writer.write_all(&self.out));
        // Whoever does not read keeps no room for what it does not send.
        let written = loop {
            tokio::select! {
                biased;
                written = &mut writing => break written,
                id = self.uploads.overdue() => self.next.push_back(upload_overdue(id)),
            }
        };
        if written.is_err() {
            return false;
        }
        self.unwritten.clear();
        self.out.clear();
        self.out.shrink_to(4 * CONNECTION_WRITE_BYTES);
        while self.out.len() < CONNECTION_WRITE_BYTES
            && let Some(frame) = self.next.pop_front()
        {
            self.write(frame);
        }
        true
    }

    async fn close(self, writer: &mut WriteHalf, reason: &str) {
        self.manner.refusals.report(&format!("a control connection is closed: {reason}"));
        self.say_closing(writer, reason).await;
    }

    /// Says it behind the answers that are ready.
    async fn say_closing(mut self, writer: &mut WriteHalf, reason: &str) {
        self.next.push_back(NodeFrame::Closing { reason: reason.to_string() });
        let all =
            async { while !(self.out.is_empty() && self.next.is_empty()) && self.flush(writer).await {} };
        // It may be gone already, or never read.
        let _ = tokio::time::timeout(HELLO_TIME_MAX, all).await;
    }

    /// Takes one frame of the client.
    fn take(&mut self, frame: &Bytes) -> Result<(), String> {
        match codec::decode(frame).map_err(|error| error.to_string())? {
            ClientFrame::Request { id, .. }
                if self.under_way.contains_key(&id) || self.uploads.contains(id) =>
            {
                Err(format!("question {id} is already under way"))
            }
            // Refused and not left unread: behind it may come what takes a question back, or the end.
            ClientFrame::Request { id, .. } if self.is_full() => {
                let why = format!("{REQUESTS_IN_FLIGHT_MAX} questions are under way on this connection");
                self.put(NodeFrame::Reply { id, reply: Err(ControlError::LimitReached(why)) });
                Ok(())
            }
            ClientFrame::Request { id, request } => {
                let announced = match self.forbids(&request) {
                    Some(error) => Err(error),
                    None => match load_options(request) {
                        Ok((size, options)) => self.announce(id, size, options),
                        Err(request) => {
                            self.ask(id, *request);
                            Ok(())
                        }
                    },
                };
                if let Err(error) = announced {
                    self.put(NodeFrame::Reply { id, reply: Err(error) });
                }
                Ok(())
            }
            ClientFrame::Chunk { id, data } => self.continue_upload(id, &data),
            ClientFrame::Cancel { id } => {
                if self.uploads.cancel(id) {
                    self.put(NodeFrame::Reply { id, reply: Err(ControlError::Cancelled) });
                }
                if let Some(question) = self.under_way.get(&id) {
                    question.abort();
                }
                Ok(())
            }
        }
    }

    /// The refusal of what the client's role does not let it ask for.
    fn forbids(&self, request: &Request) -> Option<ControlError> {
        let (name, needs) = request.needs();
        let has = self.session.welcome().role;
        (!has.may(needs)).then(|| ControlError::Forbidden {
            request: name.to_owned(),
            needs,
            has,
            way: self.manner.ways.to(needs),
        })
    }

    fn is_full(&self) -> bool {
        self.under_way.len() + self.uploads.len() >= REQUESTS_IN_FLIGHT_MAX
    }

    fn ask(&mut self, id: u64, request: Request) {
        let (session, nowhere) = (self.session, self.nowhere);
        if matches!(request, Request::Logs { .. }) {
            let answer = move |updates| async move { session.answer(request, &updates).await };
            self.run(id, self.with_updates(id, answer));
        } else {
            self.run(id, session.answer(request, nowhere));
        }
    }

    fn run(&mut self, id: u64, answer: impl Future<Output = Answered> + Send + 'a) {
        let answering = self.open(id, answer);
        self.answering.push(answering);
    }

    fn open(&mut self, id: u64, answer: impl Future<Output = Answered> + Send + 'a) -> Answering<'a> {
        let (handle, registration) = AbortHandle::new_pair();
        let answer = Abortable::new(answer, registration);
        self.under_way.insert(id, handle);
        Box::pin(async move { (id, answer.await.unwrap_or(Err(ControlError::Cancelled))) })
    }

    fn with_updates<A, F>(&self, id: u64, answer: A) -> impl Future<Output = Answered> + Send + use<'a, A, F>
    where
        A: FnOnce(Updates) -> F + 'a,
        F: Future<Output = Answered> + Send + 'a,
    {
        let (updates, mut coming) = mpsc::channel(CONNECTION_UPDATES_MAX);
        let answer = answer(updates);
        let out = self.updates.clone();
        let pass_on = async move {
            while let Some(update) = coming.recv().await {
                let frame = match update {
                    Update::Progress(progress) => NodeFrame::Progress { id, progress },
                    Update::Log(records) => NodeFrame::Log { id, records },
                };
                if out.send(frame).await.is_err() {
                    break;
                }
            }
        };
        // The answer's end drops its sender, which ends the passing on: so updates are there before the answer.
        async move { futures_util::future::join(answer, pass_on).await.0 }
    }

    /// Takes room for an upload that is announced: refused here, nothing of it is taken.
    fn announce(&mut self, id: u64, size: u64, options: LoadOptions) -> Result<(), ControlError> {
        let room = self.session.room(size, &options)?;
        self.uploads.check_size(room.bytes())?;
        self.uploads.begin(Instant::now(), id, options, room);
        Ok(())
    }

    fn continue_upload(&mut self, id: u64, data: &Bytes) -> Result<(), String> {
        match self.uploads.add(id, data)? {
            Some(Gathered::Part(received)) => {
                self.put(NodeFrame::Progress { id, progress: LoadProgress::Received(received) });
            }
            Some(Gathered::Whole(upload)) => self.offer(id, upload),
            None => {}
        }
        Ok(())
    }

    /// Offers a source now, and not when its client has read what is before its answer: till then it would keep its room.
    fn offer(&mut self, id: u64, Uploaded { bytes, options }: Uploaded) {
        let session = self.session;
        let offer = move |updates| async move { session.offer(bytes, options, &updates).await };
        let mut answering = self.open(id, self.with_updates(id, offer));
        match (&mut answering).now_or_never() {
            Some(answered) => self.answer(answered),
            None => self.answering.push(answering),
        }
    }

    fn answer(&mut self, (id, reply): (u64, Answered)) {
        self.under_way.remove(&id);
        // What comes before this answer has been passed on, though perhaps not written.
        while let Ok(frame) = self.coming.try_recv() {
            self.put(frame);
        }
        self.put(NodeFrame::Reply { id, reply });
    }

    /// Writes a frame, or has it wait for room.
    fn put(&mut self, frame: NodeFrame) {
        if self.has_room() {
            self.write(frame);
        } else {
            self.next.push_back(frame);
        }
    }

    fn write(&mut self, frame: NodeFrame) {
        let frame = frame.for_version(self.manner.version);
        let written = codec::encode_frame_into(&frame, &mut self.out);
        match (written, frame) {
            (Ok(()), NodeFrame::Reply { reply: Ok(Reply::Received(message)), .. }) => {
                self.unwritten.push(message);
            }
            (Err(error), NodeFrame::Reply { id, reply }) => {
                let reply = Err(ControlError::LimitReached(self.too_big(reply, error)));
                // An error this short always fits.
                let _ = codec::encode_frame_into(&NodeFrame::Reply { id, reply }, &mut self.out);
            }
            _ => {}
        }
    }

    /// The client is told this in place of an answer that fits into no frame. A message is not lost without a word.
    fn too_big(&self, reply: Result<Reply, ControlError>, error: FrameError) -> String {
        let Ok(Reply::Received(message)) = reply else { return format!("the answer needs {error}") };
        let why = format!("the message `{}` needs {error}", message.type_name());
        self.session.not_taken(message, &why);
        why
    }
}

//! A node behind a socket.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use thespian_core::limits::{MESSAGE_BYTES_MOST, REQUESTS_IN_FLIGHT_MAX, UPLOAD_CHUNK_BYTES};
use thespian_core::wire::codec;
use thespian_core::wire::control::{ClientFrame, ControlError, Incoming, NodeFrame, Reply, Request};
use thespian_core::wire::hello::{self, Greeting, Hello, HelloError, Welcome};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::ClientError;
use crate::answers::{Answered, Update, Updates};
use crate::session::LoadOptions;
use crate::signing::SourcePapers;
use crate::store;
use crate::transport::{FrameReader, Stream, WriteHalf};

/// Frames that wait to be written. Askers wait when it is full.
const OUTGOING_LEN: usize = 64;
/// Frames are gathered up to this size before they are written, in bytes.
const WRITE_BYTES: usize = 64 << 10;

/// A question that the node has not answered. It stays when it is taken back, until the node has said so.
struct Unanswered {
    answer: oneshot::Sender<Answered>,
    updates: Option<Updates>,
    _place: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Asked {
    waiting: HashMap<u64, Unanswered>,
    /// Questions of which the node does not know yet that they are taken back.
    taken_back: Vec<u64>,
    /// Messages that were on their way when the question for them was taken back.
    unheard: VecDeque<Incoming>,
    /// The reason why nothing can be asked any more.
    lost: Option<String>,
}

/// All that the connection's task and those who ask share.
struct Inquiries {
    asked: Mutex<Asked>,
    /// Questions that may be under way: who comes later waits.
    places: Arc<Semaphore>,
    something_taken_back: Notify,
    something_unheard: Notify,
}

struct Line {
    welcome: Welcome,
    pid: Option<u32>,
    inquiries: Arc<Inquiries>,
    outgoing: mpsc::Sender<Vec<u8>>,
    next_id: AtomicU64,
    /// Ends with the last clone of the client, and with it the connection.
    _task: JoinSet<()>,
}

#[derive(Clone)]
pub(super) struct Socket {
    line: Arc<Line>,
}

impl Socket {
    pub(super) async fn connect_unix(path: &Path, endpoint: Option<&str>) -> Result<Self, ClientError> {
        let no_node = |error| ClientError::NoNode { at: path.display().to_string(), error };
        let stream = Stream::connect_unix(path).await.map_err(no_node)?;
        Self::greet(stream, None, endpoint).await
    }

    pub(super) async fn connect_tcp(
        address: SocketAddr,
        token_file: &Path,
        endpoint: Option<&str>,
    ) -> Result<Self, ClientError> {
        let token = store::read_token(token_file)?;
        let no_node = |error| ClientError::NoNode { at: address.to_string(), error };
        let stream = Stream::connect_tcp(address).await.map_err(no_node)?;
        Self::greet(stream, Some(token), endpoint).await
    }

    async fn greet(
        stream: Stream,
        token: Option<[u8; 32]>,
        endpoint: Option<&str>,
    ) -> Result<Self, ClientError> {
        let lost = |error: std::io::Error| ClientError::Lost(error.to_string());
        let pid = stream.listener_pid();
        let (reader, mut writer) = stream.into_split();
        let client = concat!("thespian-host ", env!("CARGO_PKG_VERSION")).to_string();
        let hello = Hello { client, token, endpoint: endpoint.map(str::to_string) };
        let too_long = |_| HelloError::Endpoint("its name is too long".to_string());
        let written = writer.write_all(&hello::encode(&hello).map_err(too_long)?).await;
        let mut reader = FrameReader::new(reader);
        let frame = match (reader.next().await, written) {
            // A node without descriptors says so before it has read anything, and may have closed the connection.
            (Ok(Some(frame)), _) => frame,
            (_, Err(error)) => return Err(lost(error)),
            (Err(error), Ok(())) => return Err(ClientError::Lost(error.to_string())),
            (Ok(None), Ok(())) => {
                return Err(ClientError::Lost("it was closed without an answer".to_string()));
            }
        };
        let welcome = hello::decode::<Greeting>(&frame)??;
        let inquiries = Arc::new(Inquiries {
            asked: Mutex::default(),
            places: Arc::new(Semaphore::new(REQUESTS_IN_FLIGHT_MAX)),
            something_taken_back: Notify::new(),
            something_unheard: Notify::new(),
        });
        let (outgoing, to_write) = mpsc::channel(OUTGOING_LEN);
        let mut task = JoinSet::new();
        task.spawn(run(reader, writer, to_write, inquiries.clone()));
        let next_id = AtomicU64::new(1);
        let line = Arc::new(Line { welcome, pid, inquiries, outgoing, next_id, _task: task });
        Ok(Self { line })
    }

    pub(super) fn welcome(&self) -> &Welcome {
        &self.line.welcome
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.line.pid
    }

    pub(super) async fn request(
        &self,
        request: Request,
        updates: Option<&Updates>,
    ) -> Result<Reply, ClientError> {
        if !matches!(request, Request::Listen { .. }) {
            return self.ask_node(request, updates).await;
        }
        let inquiries = &self.line.inquiries;
        loop {
            let unheard = inquiries.something_unheard.notified();
            if let Some(incoming) = inquiries.asked.lock().unheard.pop_front() {
                return Ok(Reply::Received(incoming));
            }
            tokio::select! {
                biased;
                () = unheard => {}
                reply = self.ask_node(request.clone(), updates) => return reply,
            }
        }
    }

    async fn ask_node(&self, request: Request, updates: Option<&Updates>) -> Result<Reply, ClientError> {
        if let Some(message) = request.message() {
            // What no node takes would fit into no frame either. What this one takes, it says.
            let checked = message.check(MESSAGE_BYTES_MOST);
            checked.map_err(|error| ControlError::Invalid(error.to_string()))?;
        }
        let mut question = self.question(updates).await?;
        question.send(&ClientFrame::Request { id: question.id, request }).await?;
        question.answered().await
    }

    pub(super) async fn load(
        &self,
        component: Bytes,
        options: LoadOptions,
        updates: &Updates,
    ) -> Result<Reply, ClientError> {
        let mut question = self.question(Some(updates)).await?;
        let id = question.id;
        let LoadOptions { label: info, rights, papers, is_downgrade: downgrade } = options;
        let SourcePapers { manifest, signatures } = papers;
        let size = component.len() as u64;
        let request = match manifest {
            None => Request::Load { info, size, rights: rights.unwrap_or_default() },
            Some(manifest) => {
                Request::LoadSigned { info, size, manifest, signatures, allow: rights, downgrade }
            }
        };
        question.send(&ClientFrame::Request { id, request }).await?;
        let mut rest = component;
        while !rest.is_empty() {
            let data = rest.split_to(rest.len().min(UPLOAD_CHUNK_BYTES));
            question.send(&ClientFrame::Chunk { id, data }).await?;
            // A load that is refused before its last piece has its answer already.
            if let Ok(reply) = question.answer.try_recv() {
                question.is_answered = true;
                return Ok(reply?);
            }
        }
        question.answered().await
    }

    async fn question(&self, updates: Option<&Updates>) -> Result<OpenQuestion<'_>, ClientError> {
        let inquiries = &self.line.inquiries;
        let place = inquiries.places.clone().acquire_owned().await.map_err(|_| self.line.lost())?;
        let id = self.line.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        let mut asked = inquiries.asked.lock();
        if let Some(why) = &asked.lost {
            return Err(ClientError::Lost(why.clone()));
        }
        asked.waiting.insert(id, Unanswered { answer: sender, updates: updates.cloned(), _place: place });
        Ok(OpenQuestion { line: &self.line, id, answer, is_sent: false, is_answered: false })
    }
}

impl Line {
    fn lost(&self) -> ClientError {
        let why = self.inquiries.asked.lock().lost.clone();
        ClientError::Lost(why.unwrap_or_else(|| "it was closed".to_string()))
    }
}

/// A question under way; taken back when dropped without an answer.
struct OpenQuestion<'a> {
    line: &'a Line,
    id: u64,
    answer: oneshot::Receiver<Answered>,
    is_sent: bool,
    is_answered: bool,
}

impl OpenQuestion<'_> {
    async fn send(&mut self, frame: &ClientFrame) -> Result<(), ClientError> {
        let too_big = |error| ControlError::Invalid(format!("the question needs {error}"));
        let frame = codec::encode_frame(frame).map_err(too_big)?;
        self.line.outgoing.send(frame).await.map_err(|_| self.line.lost())?;
        self.is_sent = true;
        Ok(())
    }

    async fn answered(&mut self) -> Result<Reply, ClientError> {
        let answer = (&mut self.answer).await;
        self.is_answered = true;
        match answer {
            Ok(reply) => Ok(reply?),
            Err(_) => Err(self.line.lost()),
        }
    }
}

impl Drop for OpenQuestion<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let inquiries = &self.line.inquiries;
        let mut asked = inquiries.asked.lock();
        if !self.is_sent {
            asked.waiting.remove(&self.id);
        } else if asked.waiting.contains_key(&self.id) {
            asked.taken_back.push(self.id);
            inquiries.something_taken_back.notify_one();
        } else if let Ok(Ok(Reply::Received(incoming))) = self.answer.try_recv() {
            // It came in this very moment.
            asked.unheard.push_back(incoming);
            inquiries.something_unheard.notify_one();
        }
    }
}

/// Reads and writes side by side, so that neither end can make the other wait for ever.
async fn run(
    reader: FrameReader,
    writer: WriteHalf,
    to_write: mpsc::Receiver<Vec<u8>>,
    inquiries: Arc<Inquiries>,
) {
    let why = tokio::select! {
        why = read(reader, &inquiries) => why,
        why = write(writer, to_write, &inquiries) => why,
    };
    let mut asked = inquiries.asked.lock();
    asked.lost = Some(why);
    // Dropping the senders tells those who wait.
    asked.waiting.clear();
}

async fn read(mut reader: FrameReader, inquiries: &Inquiries) -> String {
    loop {
        let frame = match reader.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return "the node closed it".to_string(),
            Err(error) => return error.to_string(),
        };
        let (id, update) = match codec::decode(&frame) {
            Ok(NodeFrame::Reply { id, reply }) => {
                inquiries.answer(id, reply);
                continue;
            }
            Ok(NodeFrame::Progress { id, progress }) => (id, Update::Progress(progress)),
            Ok(NodeFrame::Log { id, records }) => (id, Update::Log(records)),
            Ok(NodeFrame::Closing { reason }) => return reason,
            Err(error) => return error.to_string(),
        };
        let updates = inquiries.asked.lock().waiting.get(&id).and_then(|waiting| waiting.updates.clone());
        if let Some(updates) = updates {
            // Nobody may be looking any more.
            let _ = updates.send(update).await;
        }
    }
}

impl Inquiries {
    fn answer(&self, id: u64, reply: Answered) {
        let mut asked = self.asked.lock();
        let Some(waiting) = asked.waiting.remove(&id) else { return };
        // Who asked may have left. A message that has come for it is for whoever listens next.
        if let Err(Ok(Reply::Received(incoming))) = waiting.answer.send(reply) {
            asked.unheard.push_back(incoming);
            self.something_unheard.notify_one();
        }
    }
}

async fn write(
    mut writer: WriteHalf,
    mut to_write: mpsc::Receiver<Vec<u8>>,
    inquiries: &Inquiries,
) -> String {
    loop {
        let mut frames = tokio::select! {
            frames = to_write.recv() => match frames {
                Some(frames) => frames,
                None => return "the client is gone".to_string(),
            },
            () = inquiries.something_taken_back.notified() => Vec::new(),
        };
        // Taken before the queue is emptied: a question must be there before it can be taken back.
        let taken_back = std::mem::take(&mut inquiries.asked.lock().taken_back);
        while let Ok(more) = to_write.try_recv() {
            frames.extend_from_slice(&more);
            if frames.len() >= WRITE_BYTES {
                if let Err(error) = writer.write_all(&frames).await {
                    return error.to_string();
                }
                frames.clear();
            }
        }
        for id in taken_back {
            // A frame this short always fits.
            let _ = codec::encode_frame_into(&ClientFrame::Cancel { id }, &mut frames);
        }
        if let Err(error) = writer.write_all(&frames).await {
            return error.to_string();
        }
    }
}

//! A node behind a socket.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use thespian_core::limits::UPLOAD_CHUNK_BYTES;
use thespian_core::wire::codec;
use thespian_core::wire::control::{ClientFrame, ControlError, NodeFrame, Reply, Request};
use thespian_core::wire::hello::{self, Answer, Hello, HelloError, Welcome};
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::ClientError;
use crate::session::{Update, Updates};
use crate::store;
use crate::transport::{FrameReader, Stream, WriteHalf};

/// Frames that wait to be written. Askers wait when it is full.
const OUTGOING_LEN: usize = 64;
/// Frames are gathered up to this size before they are written, in bytes.
const WRITE_BYTES: usize = 64 << 10;

struct Waiting {
    answer: oneshot::Sender<Result<Reply, ControlError>>,
    updates: Option<Updates>,
}

#[derive(Default)]
struct Asked {
    waiting: HashMap<u64, Waiting>,
    /// Why nothing can be asked any more.
    lost: Option<String>,
}

struct Connection {
    welcome: Welcome,
    asked: Arc<Mutex<Asked>>,
    outgoing: mpsc::Sender<Vec<u8>>,
    next_id: AtomicU64,
    /// Ends with the last clone of the client, and with it the connection.
    _task: JoinSet<()>,
}

#[derive(Clone)]
pub(super) struct Remote {
    connection: Arc<Connection>,
}

impl Remote {
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
        let (reader, mut writer) = stream.into_split();
        let client = concat!("thespian-host ", env!("CARGO_PKG_VERSION")).to_string();
        let hello = Hello { client, token, endpoint: endpoint.map(str::to_string) };
        let too_long = |_| HelloError::Endpoint("its name is too long".to_string());
        writer.write_all(&hello::encode(&hello).map_err(too_long)?).await.map_err(lost)?;
        let mut reader = FrameReader::new(reader);
        let frame = reader.next().await.map_err(|error| ClientError::Lost(error.to_string()))?;
        let frame = frame.ok_or_else(|| ClientError::Lost("it was closed without an answer".to_string()))?;
        let welcome = hello::decode::<Answer>(&frame)??;
        let asked = Arc::new(Mutex::new(Asked::default()));
        let (outgoing, to_write) = mpsc::channel(OUTGOING_LEN);
        let mut task = JoinSet::new();
        task.spawn(run(reader, writer, to_write, asked.clone()));
        let next_id = AtomicU64::new(1);
        let connection = Arc::new(Connection { welcome, asked, outgoing, next_id, _task: task });
        Ok(Self { connection })
    }

    pub(super) fn welcome(&self) -> &Welcome {
        &self.connection.welcome
    }

    pub(super) async fn request(
        &self,
        request: Request,
        updates: Option<&Updates>,
    ) -> Result<Reply, ClientError> {
        let (mut question, answer) = self.question(updates)?;
        question.send(&ClientFrame::Request { id: question.id, request }).await?;
        question.answered(answer).await
    }

    pub(super) async fn load(
        &self,
        info: String,
        component: Bytes,
        updates: &Updates,
    ) -> Result<Reply, ClientError> {
        let (mut question, mut answer) = self.question(Some(updates))?;
        let id = question.id;
        let request = Request::Load { info, size: component.len() as u64 };
        question.send(&ClientFrame::Request { id, request }).await?;
        let mut rest = component;
        while !rest.is_empty() {
            let data = rest.split_to(rest.len().min(UPLOAD_CHUNK_BYTES));
            question.send(&ClientFrame::Chunk { id, data }).await?;
            // A load that is refused before its last piece has its answer already.
            if let Ok(reply) = answer.try_recv() {
                question.is_answered = true;
                return Ok(reply?);
            }
        }
        question.answered(answer).await
    }

    fn question(
        &self,
        updates: Option<&Updates>,
    ) -> Result<(Question<'_>, oneshot::Receiver<Result<Reply, ControlError>>), ClientError> {
        let id = self.connection.next_id.fetch_add(1, Ordering::Relaxed);
        let (answer, receiver) = oneshot::channel();
        let mut asked = self.connection.asked.lock();
        if let Some(why) = &asked.lost {
            return Err(ClientError::Lost(why.clone()));
        }
        asked.waiting.insert(id, Waiting { answer, updates: updates.cloned() });
        Ok((Question { connection: &self.connection, id, is_answered: false }, receiver))
    }
}

/// A question under way; taken back when dropped without an answer.
struct Question<'a> {
    connection: &'a Connection,
    id: u64,
    is_answered: bool,
}

impl Question<'_> {
    async fn send(&self, frame: &ClientFrame) -> Result<(), ClientError> {
        let frame = codec::encode_frame(frame).map_err(|error| ControlError::Invalid(error.to_string()))?;
        self.connection.outgoing.send(frame).await.map_err(|_| self.lost())
    }

    async fn answered(
        &mut self,
        answer: oneshot::Receiver<Result<Reply, ControlError>>,
    ) -> Result<Reply, ClientError> {
        let answer = answer.await;
        self.is_answered = true;
        match answer {
            Ok(reply) => Ok(reply?),
            Err(_) => Err(self.lost()),
        }
    }

    fn lost(&self) -> ClientError {
        let why = self.connection.asked.lock().lost.clone();
        ClientError::Lost(why.unwrap_or_else(|| "it was closed".to_string()))
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if self.is_answered || self.connection.asked.lock().waiting.remove(&self.id).is_none() {
            return;
        }
        if let Ok(frame) = codec::encode_frame(&ClientFrame::Cancel { id: self.id }) {
            // Without room for it the node answers in vain, which is all.
            let _ = self.connection.outgoing.try_send(frame);
        }
    }
}

/// Reads and writes side by side, so that neither end can make the other wait for ever.
async fn run(
    reader: FrameReader,
    writer: WriteHalf,
    to_write: mpsc::Receiver<Vec<u8>>,
    asked: Arc<Mutex<Asked>>,
) {
    let why = tokio::select! {
        why = read(reader, &asked) => why,
        why = write(writer, to_write) => why,
    };
    let mut asked = asked.lock();
    asked.lost = Some(why);
    // Dropping the senders tells those who wait.
    asked.waiting.clear();
}

async fn read(mut reader: FrameReader, asked: &Mutex<Asked>) -> String {
    loop {
        let frame = match reader.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return "the node closed it".to_string(),
            Err(error) => return error.to_string(),
        };
        let (id, update) = match codec::decode(&frame) {
            Ok(NodeFrame::Reply { id, reply }) => {
                if let Some(waiting) = asked.lock().waiting.remove(&id) {
                    // Who asked may have left in this moment.
                    let _ = waiting.answer.send(reply);
                }
                continue;
            }
            Ok(NodeFrame::Progress { id, progress }) => (id, Update::Progress(progress)),
            Ok(NodeFrame::Log { id, records }) => (id, Update::Log(records)),
            Ok(NodeFrame::Closing { reason }) => return reason,
            Err(error) => return error.to_string(),
        };
        let updates = asked.lock().waiting.get(&id).and_then(|waiting| waiting.updates.clone());
        if let Some(updates) = updates {
            // Nobody may be looking any more.
            let _ = updates.send(update).await;
        }
    }
}

async fn write(mut writer: WriteHalf, mut to_write: mpsc::Receiver<Vec<u8>>) -> String {
    while let Some(mut frames) = to_write.recv().await {
        while frames.len() < WRITE_BYTES
            && let Ok(more) = to_write.try_recv()
        {
            frames.extend_from_slice(&more);
        }
        if let Err(error) = writer.write_all(&frames).await {
            return error.to_string();
        }
    }
    "the client is gone".to_string()
}

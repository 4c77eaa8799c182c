//! Programs at the control socket that are silent, greedy, forged, or never read.

use std::path::Path;
use std::time::Instant;

use thespian_core::address::ActorAddress;
use thespian_core::limits::{
    CONNECTIONS_MAX, ENDPOINT_BYTES_MAX, FRAME_BYTES_MAX, HELLO_TIME_MAX, LABEL_LEN_MAX, MESSAGE_BYTES_MOST,
    OFFERED_BYTES_MAX, SOURCE_BYTES_MAX, STRANGERS_MAX, UPLOAD_CHUNK_BYTES,
};
use thespian_core::message::Message;
use thespian_core::source::Rights;
use thespian_core::wire::codec;
use thespian_core::wire::control::{ClientFrame, ControlError, Incoming, NodeFrame, Reply, Request};
use thespian_core::wire::hello::{self, Greeting, Hello, HelloError};
use thespian_host::client::{Client, ClientError};
use thespian_host::config::NodeConfig;
use thespian_host::shell::Shell;
use thespian_host::transport::{FrameReader, Stream, WriteHalf};
use tokio::io::AsyncWriteExt as _;

use crate::arena::{Arena, Folder, memory, raise_files, run_with, until, within};
use crate::splice::component;

/// Runs an attack on a node that serves programs outside.
pub(crate) fn run_served(attack: impl AsyncFnOnce(&Arena, &Shell)) {
    run_served_with(NodeConfig::default(), attack);
}

fn run_served_with(config: NodeConfig, attack: impl AsyncFnOnce(&Arena, &Shell)) {
    let folder = Folder::new();
    let config =
        NodeConfig { data_dir: Some(folder.0.clone()), listen: Some(([127, 0, 0, 1], 0).into()), ..config };
    run_with(config, async |arena| {
        let endpoints = arena.status().await.endpoints;
        let shell = Shell::serve(&arena.node, &arena.config).await.unwrap();
        attack(arena, &shell).await;
        until("the endpoints to be gone", async || arena.status().await.endpoints == endpoints).await;
    });
}

/// One connection, frame by frame.
pub(crate) struct Peer {
    pub(crate) reader: FrameReader,
    pub(crate) writer: WriteHalf,
}

impl Peer {
    pub(crate) fn over(stream: Stream) -> Self {
        let (reader, writer) = stream.into_split();
        Self { reader: FrameReader::new(reader), writer }
    }

    pub(crate) async fn connect(socket: &Path) -> Self {
        Self::over(within("a connection", Stream::connect_unix(socket)).await.unwrap())
    }

    /// Says hello; what the node says to it.
    pub(crate) async fn greet(&mut self, token: Option<[u8; 32]>) -> Greeting {
        let hello = Hello { client: "hostile".to_owned(), token, endpoint: None };
        self.writer.write_all(&hello::encode(&hello).unwrap()).await.unwrap();
        let frame = within("a welcome", self.reader.next()).await.unwrap().unwrap();
        hello::decode::<Greeting>(&frame).unwrap()
    }

    /// A connection, and where it receives.
    async fn greeted_at(socket: &Path) -> (ActorAddress, Self) {
        let mut peer = Self::connect(socket).await;
        let welcome = peer.greet(None).await.unwrap();
        (welcome.endpoint, peer)
    }

    pub(crate) async fn greeted(socket: &Path) -> Self {
        let mut peer = Self::connect(socket).await;
        peer.greet(None).await.unwrap();
        peer
    }

    async fn send(&mut self, frame: &ClientFrame) {
        self.writer.write_all(&codec::encode_frame(frame).unwrap()).await.unwrap();
    }

    /// The next frame that is no progress; `None` when the node has closed.
    async fn next(&mut self) -> Option<NodeFrame> {
        loop {
            // A connection that is closed while bytes are on their way ends with an error.
            let frame = within("a frame", self.reader.next()).await.ok().flatten()?;
            match codec::decode(&frame).unwrap() {
                NodeFrame::Progress { .. } => {}
                other => return Some(other),
            }
        }
    }

    /// Why the node closes the connection.
    async fn closing(&mut self) -> String {
        match self.next().await {
            Some(NodeFrame::Closing { reason }) => reason,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn connections_beyond_the_bound_are_turned_away_with_a_reason() {
    raise_files();
    run_served(async |arena, shell| {
        let crowd = async {
            let mut crowd = Vec::new();
            for _ in 0..CONNECTIONS_MAX {
                crowd.push(Peer::greeted(shell.socket()).await);
            }
            let refused = Peer::connect(shell.socket()).await.greet(None).await;
            assert_eq!(refused.unwrap_err(), HelloError::TooManyConnections);
            drop(crowd);
            until("places to be free", async || Client::connect(shell.socket(), None).await.is_ok()).await;
        };
        arena.beside(crowd).await;
    });
}

#[test]
fn silent_strangers_keep_nobody_out() {
    raise_files();
    run_served(async |arena, shell| {
        let (tcp, _) = shell.tcp().unwrap();
        let mut silent = Vec::new();
        for _ in 0..4 * STRANGERS_MAX {
            silent.push(Stream::connect_tcp(tcp).await.unwrap());
        }
        let client = arena.beside(Client::connect(shell.socket(), None)).await.unwrap();
        assert!(!client.status().await.unwrap().stopping);
        let mut late = Peer::over(Stream::connect_tcp(tcp).await.unwrap());
        let asked = Instant::now();
        let refused = arena.beside(late.greet(None)).await;
        assert_eq!(refused.unwrap_err(), HelloError::Token);
        assert!(asked.elapsed() < HELLO_TIME_MAX, "nobody waits until the silent ones have had their time");
    });
}

#[test]
fn a_stranger_can_make_a_node_keep_little() {
    run_served(async |arena, shell| {
        let before = memory();
        let (tcp, _) = shell.tcp().unwrap();
        let mut greedy = Vec::new();
        for _ in 0..STRANGERS_MAX {
            let mut peer = Peer::over(Stream::connect_tcp(tcp).await.unwrap());
            let len = u32::try_from(FRAME_BYTES_MAX).unwrap().to_le_bytes();
            peer.writer.write_all(&len).await.unwrap();
            let answer = within("an answer", peer.reader.next()).await.unwrap().unwrap();
            assert_eq!(hello::decode::<Greeting>(&answer).unwrap().unwrap_err(), HelloError::NotAHello);
            greedy.push(peer);
        }
        arena.ask_bystander().await;
        assert!(memory() < before + (32 << 20));
    });
}

#[test]
fn frames_that_never_end_take_what_programs_may_have_and_no_more() {
    const BUDGET: usize = 256 << 20;
    const CROWD: usize = 64;
    raise_files();
    let config = NodeConfig { memory_budget_bytes: Some(BUDGET as u64), ..NodeConfig::default() };
    run_served_with(config, async |arena, shell| {
        // What was given back stays with the allocator for some seconds.
        arena.expect_crowd(1_000);
        let before = memory();
        let frames = async || {
            let status = arena.status().await.memory;
            assert!(status.bytes <= status.bytes_max, "{status:?}");
            assert!(memory() < before + BUDGET + (256 << 20), "{} MiB more", (memory() - before) >> 20);
            status.parts.iter().find(|part| part.name == "frames").unwrap().bytes
        };
        let greed = async {
            let mut crowd = tokio::task::JoinSet::new();
            for _ in 0..CROWD {
                let mut peer = Peer::greeted(shell.socket()).await;
                crowd.spawn(async move {
                    let len = u32::try_from(FRAME_BYTES_MAX).unwrap().to_le_bytes();
                    peer.writer.write_all(&len).await.unwrap();
                    // All but the last byte, which never comes.
                    let mut left = FRAME_BYTES_MAX - 1;
                    while left > 0 {
                        let len = left.min(64 << 10);
                        peer.writer.write_all(&vec![0; len]).await.unwrap();
                        left -= len;
                    }
                    std::future::pending::<()>().await;
                });
            }
            until("them to have what there is", async || frames().await > BUDGET as u64 / 2).await;
            for _ in 0..100 {
                frames().await;
                arena.ask_bystander().await;
            }
            let client = Client::connect(shell.socket(), None).await.unwrap();
            client.create(&arena.source, "Echo").await.unwrap();
            client.status().await.unwrap();
            crowd.shutdown().await;
            until("all to be given back", async || frames().await == 0).await;
        };
        arena.beside(greed).await;
    });
}

#[test]
fn over_tcp_only_the_token_opens() {
    run_served(async |arena, shell| {
        let (tcp, file) = shell.tcp().unwrap();
        let token = thespian_host::store::read_token(file).unwrap();
        let mut almost = token;
        almost[31] ^= 1;
        for forged in [None, Some([0; 32]), Some(almost)] {
            let refused = Peer::over(Stream::connect_tcp(tcp).await.unwrap()).greet(forged).await;
            assert_eq!(refused.unwrap_err(), HelloError::Token);
        }
        Peer::over(Stream::connect_tcp(tcp).await.unwrap()).greet(Some(token)).await.unwrap();
        arena.ask_bystander().await;
    });
}

#[test]
fn a_client_that_never_reads_holds_only_itself_up() {
    run_served(async |arena, shell| {
        let mut deaf = Peer::greeted(shell.socket()).await;
        let frame = codec::encode_frame(&ClientFrame::Request { id: 0, request: Request::Sources }).unwrap();
        let ask_on = async {
            for id in 0_u64.. {
                let mut frame = frame.clone();
                // Behind the header and the variant.
                frame[8..16].copy_from_slice(&id.to_le_bytes());
                let written = deaf.writer.write_all(&frame);
                if tokio::time::timeout(std::time::Duration::from_secs(1), written).await.is_err() {
                    return id;
                }
            }
            0
        };
        let asked = arena.beside(ask_on).await;
        assert!(asked > 100, "the node stops reading at {asked}");
        let client = Client::connect(shell.socket(), None).await.unwrap();
        assert!(client.status().await.is_ok());
    });
}

#[test]
fn what_a_client_leaves_unread_is_a_dead_letter_and_not_lost() {
    run_served(async |arena, shell| {
        let mut deaf = Peer::greeted_at(shell.socket()).await;
        let (endpoint, peer) = (deaf.0, &mut deaf.1);
        let listen = |id| ClientFrame::Request { id, request: Request::Listen { timeout_ms: None } };
        for id in 0..4 {
            peer.send(&listen(id)).await;
        }
        let before = arena.status().await.dead_letters;
        let client = Client::connect(shell.socket(), None).await.unwrap();
        // The last one says who waits behind what is being written.
        for name in ["Large", "Large", "Large", "Small"] {
            let size = if name == "Large" { MESSAGE_BYTES_MOST - 1_000 } else { 1 };
            client.tell(endpoint, Message::bytes(name, vec![7; size])).await.unwrap();
        }
        drop(deaf);
        until("dead letters", async || arena.status().await.dead_letters >= before + 4).await;
        let status = arena.status().await;
        assert_eq!(status.dead_letters, before + 4, "each once");
        let letters = status.recent_dead_letters.iter().filter(|letter| letter.target == endpoint);
        let reasons: Vec<_> = letters.map(|letter| letter.reason.as_str()).collect();
        assert!(
            reasons.iter().all(|reason| reason.starts_with("its receiver, an outside program, left")),
            "{reasons:?}"
        );
        assert!(reasons.iter().any(|reason| reason.ends_with("before it was written")), "{reasons:?}");
    });
}

#[test]
fn answers_that_an_asker_does_not_read_stay_with_those_who_sent_them() {
    run_served(async |arena, shell| {
        let mut deaf = Peer::greeted(shell.socket()).await;
        let client = Client::connect(shell.socket(), None).await.unwrap();
        let size = MESSAGE_BYTES_MOST - 1_000;
        let answers_max = ENDPOINT_BYTES_MAX / size + 2;
        let mut aliases = Vec::new();
        for id in 0..=answers_max as u64 {
            let message = Message::bytes("Question", "");
            let request = Request::Ask { target: client.endpoint(), message, timeout_ms: Some(600_000) };
            deaf.send(&ClientFrame::Request { id, request }).await;
            let Incoming::Message { sender, .. } = within("a question", client.listen(None)).await.unwrap()
            else {
                panic!("nothing comes back");
            };
            aliases.push(sender);
        }
        let mut taken = 0;
        let answering = async {
            for alias in &aliases {
                match client.tell(*alias, Message::bytes("Answer", vec![7; size])).await {
                    Ok(()) => taken += 1,
                    Err(ClientError::Node(ControlError::MailboxFull { .. })) => return,
                    Err(error) => panic!("{error}"),
                }
            }
        };
        arena.beside(answering).await;
        // Those that wait, one that is being written, and a single one that has room in any case.
        assert!((2..=answers_max).contains(&taken), "{taken} of {}", aliases.len());
        // Who reads on is given the rest.
        for _ in 0..taken {
            assert!(matches!(
                deaf.next().await,
                Some(NodeFrame::Reply { reply: Ok(Reply::Received(_)), .. })
            ));
        }
        let last = *aliases.last().unwrap();
        client.tell(last, Message::bytes("Answer", vec![7; size])).await.unwrap();
        assert!(matches!(deaf.next().await, Some(NodeFrame::Reply { reply: Ok(Reply::Received(_)), .. })));
    });
}

#[test]
fn uploads_that_lie_are_refused() {
    let load = |id, info: String, size| ClientFrame::Request {
        id,
        request: Request::Load { info, size, rights: Rights::default() },
    };
    run_served(async |arena, shell| {
        let mut peer = Peer::greeted(shell.socket()).await;
        for (id, info, size) in [
            (1, String::new(), 0),
            (2, String::new(), SOURCE_BYTES_MAX as u64 + 1),
            (3, String::new(), u64::MAX),
            (4, "x".repeat(LABEL_LEN_MAX + 1), 10),
        ] {
            peer.send(&load(id, info, size)).await;
            let Some(NodeFrame::Reply { id: answered, reply: Err(ControlError::Upload(_)) }) =
                peer.next().await
            else {
                panic!("upload {id} was begun");
            };
            assert_eq!(answered, id);
        }
        // One that is begun and never ended costs what has arrived.
        peer.send(&load(5, "endless".to_owned(), SOURCE_BYTES_MAX as u64)).await;
        peer.send(&ClientFrame::Chunk { id: 5, data: vec![0; 100].into() }).await;
        peer.send(&load(6, "another".to_owned(), 100)).await;
        assert!(matches!(
            peer.next().await,
            Some(NodeFrame::Reply { id: 6, reply: Err(ControlError::Upload(_)) })
        ));
        peer.send(&ClientFrame::Cancel { id: 5 }).await;
        // What was announced is all that is taken.
        peer.send(&load(7, "short".to_owned(), 100)).await;
        peer.send(&ClientFrame::Chunk { id: 7, data: vec![0; 101].into() }).await;
        assert!(matches!(
            peer.next().await,
            Some(NodeFrame::Reply { id: 5, reply: Err(ControlError::Cancelled) })
        ));
        assert!(peer.closing().await.contains("other bytes than it announced"));
        let mut peer = Peer::greeted(shell.socket()).await;
        peer.send(&load(8, "wide".to_owned(), SOURCE_BYTES_MAX as u64)).await;
        peer.send(&ClientFrame::Chunk { id: 8, data: vec![0; UPLOAD_CHUNK_BYTES + 1].into() }).await;
        assert!(peer.closing().await.contains("other bytes than it announced"));
        arena.ask_bystander().await;
    });
}

#[test]
fn sources_on_their_way_in_take_so_much_memory_and_no_more() {
    let load = |id, size: usize| ClientFrame::Request {
        id,
        request: Request::Load { info: String::new(), size: size as u64, rights: Rights::default() },
    };
    // What is behind it is answered only when the upload has begun, and it is not refused before.
    let begin = async |peer: &mut Peer, id| {
        peer.send(&load(id, SOURCE_BYTES_MAX)).await;
        peer.send(&ClientFrame::Request { id: 100, request: Request::Grants }).await;
        let behind = peer.next().await;
        assert!(matches!(behind, Some(NodeFrame::Reply { id: 100, reply: Ok(_) })), "{behind:?}");
    };
    run_served(async |arena, shell| {
        let mut peers = Vec::new();
        for _ in 0..OFFERED_BYTES_MAX / SOURCE_BYTES_MAX {
            let mut peer = Peer::greeted(shell.socket()).await;
            begin(&mut peer, 1).await;
            peers.push(peer);
        }
        let mut late = Peer::greeted(shell.socket()).await;
        late.send(&load(1, 1)).await;
        let refused = late.next().await;
        let Some(NodeFrame::Reply { id: 1, reply: Err(error @ ControlError::LimitReached(_)) }) = refused
        else {
            panic!("{refused:?}");
        };
        assert!(error.to_string().contains(&OFFERED_BYTES_MAX.to_string()), "{error}");
        arena.ask_bystander().await;
        // Whoever takes an upload back, or leaves, makes room for others.
        peers[0].send(&ClientFrame::Cancel { id: 1 }).await;
        let cancelled = peers[0].next().await;
        assert!(matches!(cancelled, Some(NodeFrame::Reply { id: 1, reply: Err(ControlError::Cancelled) })));
        begin(&mut late, 2).await;
    });
}

#[test]
fn a_source_that_is_taken_back_and_loaded_again_at_once_is_loaded() {
    run_served(async |arena, shell| {
        let component = component("", "");
        let source = arena.client.load("again", component.clone(), |_| {}).await.unwrap().hash.to_string();
        let load = Request::Load {
            info: "again".to_owned(),
            size: component.len() as u64,
            rights: Rights::default(),
        };
        let unload = Request::Unload { source };
        let mut peer = Peer::greeted(shell.socket()).await;
        // Compiled already, so that a round takes no time: what is offered again meets the earlier load at every step.
        for round in 0..100 {
            let [earlier, first, between, second] = [0, 1, 2, 3].map(|nth| 4 * round + nth);
            let whole = |id| ClientFrame::Chunk { id, data: component.clone().into() };
            let frames = [
                ClientFrame::Request { id: earlier, request: unload.clone() },
                ClientFrame::Request { id: first, request: load.clone() },
                whole(first),
                ClientFrame::Request { id: between, request: unload.clone() },
                ClientFrame::Request { id: second, request: load.clone() },
                whole(second),
            ];
            let together: Vec<u8> =
                frames.iter().flat_map(|frame| codec::encode_frame(frame).unwrap()).collect();
            peer.writer.write_all(&together).await.unwrap();
            for _ in 0..4 {
                match peer.next().await {
                    Some(NodeFrame::Reply { reply: Ok(_), .. }) => {}
                    Some(NodeFrame::Reply { id, reply: Err(ControlError::SourceUnloaded { .. }) })
                        if id == first => {}
                    other => panic!("in round {round}: {other:?}"),
                }
            }
        }
        arena.ask_bystander().await;
    });
}

#[test]
fn times_without_end_end_nothing() {
    run_served(async |arena, shell| {
        let mut peer = Peer::greeted(shell.socket()).await;
        peer.send(&ClientFrame::Request { id: 1, request: Request::Listen { timeout_ms: Some(u64::MAX) } })
            .await;
        // An id that is under way can't be used for another question.
        peer.send(&ClientFrame::Request { id: 2, request: Request::Status }).await;
        assert!(matches!(peer.next().await, Some(NodeFrame::Reply { id: 2, reply: Ok(Reply::Status(_)) })));
        arena.ask_bystander().await;
        peer.send(&ClientFrame::Cancel { id: 1 }).await;
        assert!(matches!(
            peer.next().await,
            Some(NodeFrame::Reply { id: 1, reply: Err(ControlError::Cancelled) })
        ));
        peer.send(&ClientFrame::Request { id: 3, request: Request::Listen { timeout_ms: None } }).await;
        peer.send(&ClientFrame::Request { id: 3, request: Request::Status }).await;
        assert!(peer.closing().await.contains("already under way"));
    });
}

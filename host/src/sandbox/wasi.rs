//! WASI 0.2 for actors: clocks, randomness and output. Everything else is there to be linked, and denied.
//!
//! The interfaces of `wasmtime-wasi` are linked first; then those that a guest can reach and that would wait, or
//! enter a runtime within a call, are replaced by the ones here. What stays of `wasmtime-wasi` are file systems
//! and sockets, which need a handle that no guest can get: there are no preopens, and sockets and name look-ups
//! are refused here.

use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::p2::bindings::{cli, clocks, random, sockets, sync};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, InputStream, IoError, Network, OutputStream, Pollable,
    SocketError, SocketResult, StreamError, StreamResult, TcpSocket, UdpSocket, subscribe,
};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_io::bindings::wasi::io::poll as io_poll;

use super::convert::nanos;
use super::fault::Stop;
use super::log::{Channel, LogBook};
use super::state::State;

/// Random bytes of one call.
const RANDOM_LEN_MAX: u64 = 64 << 10;
/// Bytes that one write may have, and zeroes.
const WRITE_LEN_MAX: u64 = 64 << 10;
/// Pollables of one `poll`.
const POLL_LEN_MAX: usize = 1_024;

/// The words for a guest that waits.
const NO_WAITING: &str = "an actor can't wait within a turn (std::thread::sleep, wasi:io/poll): ask for \
                          `wakeup-after`, return, and go on when the wakeup comes";

/// The zero of the monotonic clock.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Links all of WASI 0.2 for sync stores.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    fn same(state: &mut State) -> &mut State {
        state
    }
    sync::io::poll::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    sync::io::streams::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    clocks::monotonic_clock::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    clocks::wall_clock::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    random::random::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    random::insecure::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    random::insecure_seed::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    cli::environment::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    cli::exit::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    cli::stdin::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    cli::stdout::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    cli::stderr::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    cli::terminal_stdin::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    cli::terminal_stdout::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    cli::terminal_stderr::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    sockets::tcp_create_socket::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    sync::sockets::udp_create_socket::add_to_linker::<_, HasSelf<State>>(linker, same)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| {
            Box::new(WasiCtx::builder().allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false).build())
        });
        WasiCtxView { ctx, table: &mut self.resources }
    }
}

/// An output stream of the guest: its bytes go to the log.
struct LogOutput {
    log: LogBook,
    channel: Channel,
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogOutput {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl OutputStream for LogOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.write(self.channel, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_LEN_MAX as usize)
    }
}

/// Standard input: at its end.
struct Nothing;

#[wasmtime_wasi::async_trait]
impl Pollable for Nothing {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl InputStream for Nothing {
    fn read(&mut self, _size: usize) -> StreamResult<Bytes> {
        Err(StreamError::Closed)
    }
}

/// A timer: ready or not, but never waited for.
struct Timer(Option<Instant>);

#[wasmtime_wasi::async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        if self.0.is_none_or(|deadline| Instant::now() < deadline) {
            std::future::pending::<()>().await;
        }
    }
}

/// The result of a future that is ready at once, or nothing.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

impl sync::io::poll::Host for State {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        if pollables.is_empty() || pollables.len() > POLL_LEN_MAX {
            return Err(Stop::refused(format!("a poll takes 1 to {POLL_LEN_MAX} pollables")));
        }
        at_once(io_poll::Host::poll(&mut self.resources, pollables))
            .unwrap_or_else(|| Err(Stop::refused(NO_WAITING)))
    }
}

impl sync::io::poll::HostPollable for State {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        at_once(io_poll::HostPollable::ready(&mut self.resources, pollable)).unwrap_or(Ok(false))
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        at_once(io_poll::HostPollable::block(&mut self.resources, pollable))
            .unwrap_or_else(|| Err(Stop::refused(NO_WAITING)))
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        io_poll::HostPollable::drop(&mut self.resources, pollable)
    }
}

impl sync::io::streams::Host for State {
    fn convert_stream_error(
        &mut self,
        error: StreamError,
    ) -> wasmtime::Result<sync::io::streams::StreamError> {
        sync::io::streams::Host::convert_stream_error(&mut self.resources, error)
    }
}

impl State {
    fn output(&mut self, stream: &Resource<DynOutputStream>) -> StreamResult<&mut DynOutputStream> {
        Ok(self.resources.get_mut(stream)?)
    }

    fn write_bytes(&mut self, stream: &Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        if bytes.len() as u64 > WRITE_LEN_MAX {
            return Err(StreamError::Trap(Stop::refused(format!(
                "a write takes at most {WRITE_LEN_MAX} bytes"
            ))));
        }
        self.output(stream)?.write(Bytes::from(bytes))
    }
}

impl sync::io::streams::HostOutputStream for State {
    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        self.output(&stream)?;
        Ok(WRITE_LEN_MAX)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.write_bytes(&stream, bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.write_bytes(&stream, bytes)
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        self.output(&stream)?.flush()
    }

    fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        self.output(&stream)?.flush()
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.resources, stream)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        let len = usize::try_from(len.min(WRITE_LEN_MAX + 1)).unwrap_or(usize::MAX);
        self.write_bytes(&stream, vec![0; len])
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        self.write_zeroes(stream, len)
    }

    /// The only input is at its end.
    fn splice(
        &mut self,
        _to: Resource<DynOutputStream>,
        _from: Resource<DynInputStream>,
        _len: u64,
    ) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn blocking_splice(
        &mut self,
        _to: Resource<DynOutputStream>,
        _from: Resource<DynInputStream>,
        _len: u64,
    ) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn drop(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        self.resources.delete(stream)?;
        Ok(())
    }
}

impl sync::io::streams::HostInputStream for State {
    fn read(&mut self, stream: Resource<DynInputStream>, _len: u64) -> StreamResult<Vec<u8>> {
        self.resources.get(&stream)?;
        Err(StreamError::Closed)
    }

    fn blocking_read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        self.read(stream, len)
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, _len: u64) -> StreamResult<u64> {
        self.resources.get(&stream)?;
        Err(StreamError::Closed)
    }

    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        self.skip(stream, len)
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.resources, stream)
    }

    fn drop(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        self.resources.delete(stream)?;
        Ok(())
    }
}

fn subscribe_until(
    table: &mut ResourceTable,
    deadline: Option<Instant>,
) -> wasmtime::Result<Resource<DynPollable>> {
    let timer = table.push(Timer(deadline))?;
    subscribe(table, timer)
}

impl clocks::monotonic_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(nanos(START.elapsed()))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe_until(&mut self.resources, START.checked_add(Duration::from_nanos(when)))
    }

    fn subscribe_duration(&mut self, length: u64) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe_until(&mut self.resources, Instant::now().checked_add(Duration::from_nanos(length)))
    }
}

impl clocks::wall_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(clocks::wall_clock::Datetime { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() })
    }

    fn resolution(&mut self) -> wasmtime::Result<clocks::wall_clock::Datetime> {
        Ok(clocks::wall_clock::Datetime { seconds: 0, nanoseconds: 1 })
    }
}

fn random_bytes(len: u64) -> wasmtime::Result<Vec<u8>> {
    if len > RANDOM_LEN_MAX {
        return Err(Stop::refused(format!("at most {RANDOM_LEN_MAX} random bytes in one call")));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    getrandom::fill(&mut bytes).map_err(|error| Stop::refused(format!("no randomness: {error}")))?;
    Ok(bytes)
}

fn random_u64() -> wasmtime::Result<u64> {
    getrandom::u64().map_err(|error| Stop::refused(format!("no randomness: {error}")))
}

impl random::random::Host for State {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        random_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        random_u64()
    }
}

impl random::insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        random_u64()
    }
}

impl random::insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((random_u64()?, random_u64()?))
    }
}

impl cli::environment::Host for State {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl cli::exit::Host for State {
    /// The status is not told: what gets here says no more of it than that it is 0 or is not.
    fn exit(&mut self, _: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Stop::refused(
            "it ended its process (`std::process::exit`), which here only loses the instance with its state: an actor ends \
             by a request to exit to its own address (`ctx.exit()`), and a handler fails by returning an error",
        ))
    }

    fn exit_with_code(&mut self, _: u8) -> wasmtime::Result<()> {
        self.exit(Ok(()))
    }
}

impl State {
    fn open_output(&mut self, channel: Channel) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(LogOutput { log: self.log.clone(), channel });
        Ok(self.resources.push(stream)?)
    }
}

impl cli::stdin::Host for State {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let stream: DynInputStream = Box::new(Nothing);
        Ok(self.resources.push(stream)?)
    }
}

impl cli::stdout::Host for State {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.open_output(Channel::Stdout)
    }
}

impl cli::stderr::Host for State {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.open_output(Channel::Stderr)
    }
}

impl cli::terminal_stdin::Host for State {
    fn get_terminal_stdin(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<cli::terminal_stdin::TerminalInput>>> {
        Ok(None)
    }
}

impl cli::terminal_stdout::Host for State {
    fn get_terminal_stdout(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<cli::terminal_stdout::TerminalOutput>>> {
        Ok(None)
    }
}

impl cli::terminal_stderr::Host for State {
    fn get_terminal_stderr(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<cli::terminal_stderr::TerminalOutput>>> {
        Ok(None)
    }
}

impl sockets::tcp_create_socket::Host for State {
    fn create_tcp_socket(
        &mut self,
        _family: sockets::network::IpAddressFamily,
    ) -> SocketResult<Resource<TcpSocket>> {
        Err(sockets::network::ErrorCode::AccessDenied.into())
    }
}

impl sync::sockets::udp_create_socket::Host for State {
    fn create_udp_socket(
        &mut self,
        _family: sockets::network::IpAddressFamily,
    ) -> SocketResult<Resource<UdpSocket>> {
        Err(sockets::network::ErrorCode::AccessDenied.into())
    }
}

impl sockets::network::Host for State {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<sockets::network::ErrorCode> {
        error.downcast()
    }

    fn network_error_code(
        &mut self,
        error: Resource<IoError>,
    ) -> wasmtime::Result<Option<sockets::network::ErrorCode>> {
        self.resources.get(&error)?;
        Ok(None)
    }
}

impl sockets::network::HostNetwork for State {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        self.resources.delete(network)?;
        Ok(())
    }
}

// The interface to the operating system: every system call and the clock. `linux.cpp` implements it; the
// tests link the simulated kernel instead. No other file of the program includes a kernel header. The calls
// of call_trace.hpp are noted in the trace on their way.
//
// No function here blocks, except `wait`, which sleeps, and reads and opens of regular files. EINTR is
// handled here: the calls are repeated. `error` is an errno value, 0 if there is none.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "address.hpp"
#include "fd.hpp"

namespace sys {

// ---- bytes -----------------------------------------------------------------------------------------------
enum class Outcome : std::uint8_t {
  done,   // `bytes` were transferred, at least one
  again,  // EAGAIN: nothing can be transferred now
  eof,    // end of stream: the peer has closed its sending side
  fail,   // `error` says why; the descriptor cannot be used any more in this direction
};
// The result of a transfer.
struct Io {
  Outcome outcome;
  int error;
  std::size_t bytes;
};

// recv(2). REQUIRES: `into` is not empty.
Io receive(const Fd& socket, std::span<std::byte> into) noexcept;
// send(2) with MSG_NOSIGNAL: a closed connection is EPIPE, never SIGPIPE. May send less than `from`.
Io transmit(const Fd& socket, std::span<const std::byte> from) noexcept;

// ---- pipes: bytes that splice(2) forwards from socket to socket ------------------------------------------
inline constexpr std::size_t kPipeBytes = std::size_t{64} * 1024;  // capacity of a new pipe (pipe(7))
inline constexpr std::size_t kPipeBytesMax =
    std::size_t{1024} * 1024;  // of any pipe (pipe-max-size in pipe(7))
// A new pipe.
struct Pipe {
  Fd in, out;  // write end, read end
  int error;   // errno; 0: both ends are open
};
// pipe2(2): both ends are non-blocking and close-on-exec.
Pipe make_pipe() noexcept;
// F_SETPIPE_SZ (fcntl(2)): sets the capacity of an empty pipe by its write end `in`. Returns 0 or errno, and
// then the capacity is unchanged; EPERM: the user's pipes have their limit, or `bytes` exceeds the system's.
int resize_pipe(const Fd& in, std::size_t bytes) noexcept;
// splice(2) from `socket` into the write end `in`, at most `most` bytes. Outcomes as for `receive`; `again`
// also means that the pipe is full. A short transfer says nothing about the socket. REQUIRES: most > 0.
Io splice_in(const Fd& socket, const Fd& in, std::size_t most) noexcept;
// splice(2) from the read end `out` into `socket`. Outcomes as for `transmit`. REQUIRES: bytes > 0, the pipe
// holds `bytes`, and SIGPIPE is ignored (`make_signalfd`).
Io splice_out(const Fd& out, const Fd& socket, std::size_t bytes) noexcept;

// ---- sockets: all are made non-blocking and close-on-exec ------------------------------------------------
// A new descriptor.
struct Opened {
  Fd fd;      // none: `error` says why
  int error;  // errno; 0: open
};
enum class PortUse : std::uint8_t {
  alone,
  shared,  // SO_REUSEPORT: other processes of this user may listen on the port as well (socket(7))
};
// Opens a listening TCP socket: socket(2), SO_REUSEADDR, TCP_NODELAY, IPV6_V6ONLY, bind(2), listen(2). Port 0
// selects a free port.
Opened listen(const Address& address, int backlog, PortUse use = PortUse::alone) noexcept;
// accept4(2). Sets `peer` to the client's address. Error EAGAIN: the accept queue is empty.
Opened accept(const Fd& listener, Address& peer) noexcept;
// Starts a TCP connection (connect(2)). Error 0: in progress or complete. The socket becomes writable when
// the attempt has ended; `socket_error` then returns the result.
Opened connect(const Address& address) noexcept;
// Connects to the Unix stream socket at `path`; complete or failed when it returns. A full backlog is
// ECONNREFUSED, as nothing would report that it has room again (unix(7)).
Opened connect_local(const char* path) noexcept;
// Opens a UDP socket from a new random port that receives from `address` only (connect(2), udp(7)). Nothing
// is sent: an error is that of the route (ENETUNREACH). `receive` returns one datagram, cut to its room; an
// empty one is `eof`; ECONNREFUSED: nothing listens there.
Opened connect_datagrams(const Address& address) noexcept;
// Returns the index of a network interface by its name (if_nametoindex(3)); 0: there is none.
[[nodiscard]] std::uint32_t interface_index(std::string_view name) noexcept;
// Returns the pending error of a socket and clears it (SO_ERROR, socket(7)); 0: none.
[[nodiscard]] int socket_error(const Fd& socket) noexcept;
// Returns the address that a socket is bound to (getsockname(2)); family none on error.
[[nodiscard]] Address local_address(const Fd& socket) noexcept;
// Sets TCP_NODELAY (tcp(7)): small segments are sent at once. Accepted sockets inherit it from `listen`.
void set_nodelay(const Fd& socket) noexcept;
// Sets SO_KEEPALIVE: the kernel probes a peer that is silent for a minute, and reports an error once the peer
// has not answered for another one (tcp(7)).
void probe_peer(const Fd& socket) noexcept;
// Closes the sending side: shutdown(2) with SHUT_WR. The peer reads end of stream.
void shutdown_write(const Fd& socket) noexcept;
// Sets SO_LINGER to 0 seconds: the next close(2) sends RST instead of FIN, so that the peer can detect a
// truncated message.
void reset_on_close(const Fd& socket) noexcept;

// ---- epoll -----------------------------------------------------------------------------------------------
struct Event {
  std::uint64_t token;
  bool readable;        // EPOLLIN, EPOLLRDHUP, EPOLLHUP or EPOLLERR: try to read
  bool writable;        // EPOLLOUT, EPOLLHUP or EPOLLERR: try to write
  bool finished;        // EPOLLRDHUP: the peer has sent its last byte, which may still be unread
  bool hung;            // EPOLLHUP or EPOLLERR: both directions are closed
  bool forced = false;  // not the kernel reports it, but the lens
};
// epoll_create1(2).
Opened make_poller() noexcept;
// EPOLL_CTL_ADD, edge-triggered, for all events: EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET. Events carry
// `token`. Returns 0 or errno.
int watch(const Fd& poller, int fd, std::uint64_t token) noexcept;
// EPOLL_CTL_MOD with the same events and a new token: what is ready now is reported again. Returns 0 or
// errno.
int rearm(const Fd& poller, int fd, std::uint64_t token) noexcept;
// The result of a wait.
struct Waited {
  std::size_t count;  // events written
  bool all;           // no other event was ready
};
// epoll_wait(2): sleeps at most `timeout_ms` milliseconds (-1: no limit) and writes events to `into`; none
// after a timeout or a signal.
Waited wait(const Fd& poller, std::span<Event> into, int timeout_ms) noexcept;

// What a level-triggered event loop would see of a descriptor.
struct Level {
  int fd = -1;
  bool readable = false, writable = false;
};
// poll(2) with timeout 0: sets what is ready now. REQUIRES: at most 64 levels.
void levels(std::span<Level> of) noexcept;

// What the kernel knows of a stream socket. Asked for by viewers of the board only, so not noted in the
// trace.
struct SocketFigures {
  std::string_view state{};  // of TCP, as in RFC 9293: "ESTABLISHED"; empty: not a TCP socket
  std::uint64_t unread = 0;  // bytes that were received and not read (SIOCINQ)
  std::uint64_t unsent = 0;  // bytes that were written and not acknowledged (SIOCOUTQ)
  // Of TCP_INFO (tcp(7)).
  std::uint32_t rtt_us = 0;
  std::uint32_t window = 0;         // segments that may be sent and not acknowledged (congestion window)
  std::uint32_t retransmits = 0;    // segments sent again, in all
  std::uint32_t segment_bytes = 0;  // of the largest segment to send
};
// Returns false if `fd` is not a stream socket that the kernel answers for.
bool socket_figures(int fd, SocketFigures& out) noexcept;

// ---- this machine's addresses ----------------------------------------------------------------------------
// An address of an interface, and the number of its leading bits that count: all of them, except for IPv4 on
// a loopback interface, where the whole network is this machine's, as 127.0.0.0/8.
struct OwnAddress {
  Address address;
  std::size_t prefix;
};
// Adds the addresses of all interfaces to `out` (getifaddrs(3)): one exchange with the kernel, no wait.
// Returns 0 or errno.
int own_addresses(std::vector<OwnAddress>& out);
// Returns a netlink(7) socket that becomes readable when an address is added or removed (rtnetlink(7)).
Opened watch_addresses() noexcept;
// Reads and discards what the socket has to say.
void drain_address_changes(const Fd& changes) noexcept;

// ---- signals ---------------------------------------------------------------------------------------------
enum class Signal : std::uint8_t { none, interrupt, terminate, reopen, record, reload };
// Blocks SIGINT, SIGTERM, SIGUSR1, SIGUSR2 and SIGHUP and returns a signalfd(2) that reads them. Ignores
// SIGPIPE and SIGXFSZ: the failing write returns EPIPE or EFBIG instead.
Opened make_signalfd() noexcept;
// Reads one signal; none: no signal is pending. A SIGHUP that the kernel sends because the terminal has
// closed is `interrupt`, any other SIGHUP is `reload`; SIGUSR1 is `reopen`, SIGUSR2 is `record`.
Signal next_signal(const Fd& signals) noexcept;

// ---- files: logs and configuration -----------------------------------------------------------------------
// Opens a file for appending, non-blocking; creates it with mode 0640: a log tells what clients do.
Opened open_log(const char* path) noexcept;
// Opens standard output again, non-blocking. It is an open file description of its own if possible: the one
// that other programs share stays blocking. If it is a file, all of them append to it from now on.
Opened open_stdout() noexcept;
// write(2), at most PIPE_BUF bytes. `again`: a pipe or a terminal is full.
Io append(const Fd& log, std::span<const char> text) noexcept;
// Creates a file for `write_all` that only its owner can read. EEXIST: there is one, or a symbolic link.
Opened create_file(const char* path) noexcept;
// write(2) of all bytes to a regular file. Returns 0 or errno; a part may be written then.
int write_all(const Fd& file, std::span<const std::byte> bytes) noexcept;
// As `create_file`, after removing the regular file that may be there (unlink(2)). EEXIST: it is something
// else, such as a device or a symbolic link, and stays.
Opened replace_file(const char* path) noexcept;
// Returns a Unix datagram socket for `send_datagram`; an error if no program receives at `path` now. The
// socket is not connected: it reaches a receiver that replaces the first one too.
Opened open_datagrams(const char* path) noexcept;
// Sends one datagram to `path`. `again`: the receiver's queue is full.
Io send_datagram(const Fd& socket, const char* path, std::span<const char> text) noexcept;
// Opens a file for `read_at` and `status_of`. Does not wait for the other end of a FIFO.
Opened open_file(const char* path) noexcept;
enum class Pipes : std::uint8_t {
  refused,
  inherited,  // read to their end, as of /dev/fd/63: this waits for the program that writes
};
// Reads a whole regular file of at most `most` bytes into `out`. Returns 0 or errno; EFBIG: it is larger,
// and was not read; ESPIPE: it is neither a regular file nor an allowed pipe, and was not opened.
int read_file(const char* path, std::size_t most, std::string& out, Pipes pipes = Pipes::refused);
enum class PathKind : std::uint8_t { none, regular, directory, socket, link, other };
enum class Links : std::uint8_t { followed, kept };
// Returns what is at `path` (stat(2), or lstat(2)); `none` also if it cannot be accessed.
PathKind path_kind(const char* path, Links links = Links::followed) noexcept;
// A file or a pipe that can be read.
constexpr bool is_file(PathKind kind) noexcept {
  return kind == PathKind::regular || kind == PathKind::other;
}
// access(2) with W_OK. Returns 0 if this process may write to the file, or create files in the directory; or
// errno.
int check_writable(const char* path) noexcept;
// getcwd(3): the absolute path of the working directory; empty if it was removed.
std::string working_directory();
// Writes to standard error. A write error is ignored.
void write_stderr(std::string_view text) noexcept;

// ---- files: served content (files.cpp, beneath.cpp) ------------------------------------------------------
// The status of a file.
struct FileStatus {
  enum class Kind : std::uint8_t { regular, directory, link, other };
  Kind kind = Kind::other;
  bool world_readable = false;    // S_IROTH
  bool world_searchable = false;  // S_IXOTH
  std::uint64_t device = 0, inode = 0;
  std::uint64_t size = 0;        // bytes
  std::int64_t modified_ns = 0;  // mtime, since 1970-01-01 UTC
  std::int64_t changed_ns = 0;   // ctime, which no program can set
  bool operator==(const FileStatus&) const = default;
};
// Opens a directory as the base of `open_beneath` (O_PATH): its entries cannot be read.
Opened open_directory(const char* path) noexcept;
enum class Access : std::uint8_t {
  read,
  look,  // O_PATH: for `status_of` only; opening a device or a FIFO has no effect on it
};
// Opens the relative `path` below `directory`; "" and "." are the directory itself. A path or a symbolic link
// that leads out of `directory` is EXDEV. EACCES: other users may not search a directory on the path
// (S_IXOTH), or `read` is asked for and the file is neither regular nor a directory; it is not opened then.
Opened open_beneath(const Fd& directory, const char* path, Access access);
// fstat(2). Returns 0 or errno.
int status_of(const Fd& file, FileStatus& status) noexcept;
// Removes the file at `path` (unlink(2)) if device and inode are those of `file`. Returns 0 or errno; ESTALE:
// there is another file, or a symbolic link.
int remove_file(const char* path, const FileStatus& file) noexcept;
// pread(2). `eof`: `offset` is at or after the end of the file.
Io read_at(int file, std::uint64_t offset, std::span<std::byte> into) noexcept;
// sendfile(2); advances `offset` by the bytes sent. `eof`: `offset` is at or after the end of the file.
// REQUIRES: SIGPIPE is ignored (`make_signalfd`).
Io send_file(const Fd& socket, int file, std::uint64_t& offset, std::size_t bytes) noexcept;
// A directory entry, without following links.
struct DirectoryEntry {
  std::string name;
  FileStatus status;  // of a symbolic link: the link's own
};
// Adds the next entries of an open directory to `out`, about a hundred, unsorted, without "." and "..".
// `end`: these are the last. Returns 0 or errno.
int read_directory(const Fd& directory, std::vector<DirectoryEntry>& out, bool& end);

// ---- memory, limits, time --------------------------------------------------------------------------------
// Reserves zeroed, page-aligned address space (mmap(2) with MAP_NORESERVE): a page uses memory once it is
// touched. Returns null on error.
std::byte* reserve(std::size_t bytes) noexcept;
// munmap(2). REQUIRES: a whole range that `reserve` returned.
void unreserve(std::byte* memory, std::size_t bytes) noexcept;
// Gives the pages back to the system and keeps the address range (MADV_DONTNEED): they read as zero
// afterwards.
void release_pages(std::byte* memory, std::size_t bytes) noexcept;
// Raises RLIMIT_NOFILE to its hard limit. Returns the limit now in force.
std::size_t raise_descriptor_limit() noexcept;
// getrandom(2): unpredictable bytes. Ends the program if there are none.
void random_bytes(std::span<std::byte> out) noexcept;
// CLOCK_MONOTONIC, in microseconds and in milliseconds.
std::uint64_t now_us() noexcept;
std::uint64_t now_ms() noexcept;
// CLOCK_THREAD_CPUTIME_ID: CPU time of this thread, in microseconds.
std::uint64_t cpu_us() noexcept;
// Calls `handler` with the name of the signal when this program crashes: SIGSEGV, SIGABRT, SIGBUS, SIGFPE or
// SIGILL. It runs on a stack of its own (sigaltstack(2)) and may only make calls of signal-safety(7).
// Afterwards the signal has the effect that it had before. Null: no handler any more. Returns 0 or errno.
using CrashHandler = void (*)(std::string_view signal) noexcept;
int on_crash(CrashHandler handler) noexcept;
// getpid(2).
std::uint32_t process_id() noexcept;
// The build ID that the linker has put into this program (ld --build-id), in hexadecimal; empty: there is
// none.
std::string build_id();
// What this process uses.
struct ProcessFigures {
  std::uint64_t cpu_us = 0;                             // user and system time (CLOCK_PROCESS_CPUTIME_ID)
  std::uint64_t resident_bytes = 0, virtual_bytes = 0;  // /proc/self/statm (proc(5)); 0: not known
  std::uint64_t descriptors = 0;                        // open ones (/proc/self/fd); 0: not known
  std::uint64_t descriptors_max = 0;                    // RLIMIT_NOFILE
};
// Takes about a microsecond for each open descriptor on a kernel before 6.2.
ProcessFigures process_figures();
// What this thread has used: CPU time in microseconds, and how often another one took its place
// (ru_nivcsw in getrusage(2) with RUSAGE_THREAD).
struct ThreadUsage {
  std::uint64_t cpu_us = 0, preempted = 0;
};
ThreadUsage thread_usage() noexcept;
// CLOCK_REALTIME: milliseconds since 1970-01-01 UTC.
std::uint64_t wall_ms() noexcept;
// Adds the local time zone's offset to `unix_ms`.
std::uint64_t local_ms(std::uint64_t unix_ms) noexcept;

}  // namespace sys

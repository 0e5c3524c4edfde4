// The one door to the operating system: every system call and the clock. `linux.cpp` is the real world; the
// tests link another one in its place. Nothing else in the project includes a kernel header.
//
// No function here blocks, except `wait`. EINTR never leaves this file. `error` is an errno value, 0 if none.
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
  done,   // `bytes` were moved, at least one
  again,  // nothing could be moved now: EAGAIN
  eof,    // the peer has sent all it will send
  fail,   // `error` says why; the descriptor is of no further use in this direction
};
struct Io {
  Outcome outcome;
  int error;
  std::size_t bytes;
};

Io receive(const Fd& socket, std::span<std::byte> into) noexcept;         // recv(2)
Io transmit(const Fd& socket, std::span<const std::byte> from) noexcept;  // send(2), never raises SIGPIPE

// ---- pipes: bytes from one socket to another that are not looked at ---------------------------------------
inline constexpr std::size_t kPipeBytes = std::size_t{64} * 1024;  // of a new pipe (pipe(7))
struct Pipe {
  Fd in, out;  // written to, read from
  int error;
};
Pipe make_pipe() noexcept;  // pipe2(2); neither end blocks
// splice(2), at most `most` bytes; short for reasons of its own, so a short one says nothing of the socket.
// For the rest as `receive`; `again` also says that the pipe is full. REQUIRES: most > 0.
Io splice_in(const Fd& socket, const Fd& in, std::size_t most) noexcept;
// As `transmit`. REQUIRES: the pipe holds `bytes`, and bytes > 0.
Io splice_out(const Fd& out, const Fd& socket, std::size_t bytes) noexcept;

// ---- sockets: all are made non-blocking and close-on-exec ------------------------------------------------
struct Opened {
  Fd fd;
  int error;
};
Opened listen(const Address& address, int backlog) noexcept;  // socket, SO_REUSEADDR, bind, listen
Opened accept(const Fd& listener, Address& peer) noexcept;    // accept4(2); error EAGAIN: nobody waits
// Starts connecting: error 0 means begun or done. Being writable tells the end, `socket_error` how it went.
Opened connect(const Address& address) noexcept;
Opened connect_local(const char* path) noexcept;            // to a Unix socket: done or failed at once
[[nodiscard]] int socket_error(const Fd& socket) noexcept;  // takes SO_ERROR
[[nodiscard]] Address local_address(const Fd& socket) noexcept;
void set_nodelay(const Fd& socket) noexcept;  // TCP_NODELAY; what `accept` returns has it already
void shutdown_write(const Fd& socket) noexcept;
// The coming close(2) sends RST instead of FIN, so that a message cut short cannot pass for a whole one.
void reset_on_close(const Fd& socket) noexcept;

// ---- epoll -----------------------------------------------------------------------------------------------
struct Event {
  std::uint64_t token;
  bool readable;  // EPOLLIN, EPOLLRDHUP, EPOLLHUP or EPOLLERR: a read will tell
  bool writable;  // EPOLLOUT, EPOLLHUP or EPOLLERR: a write will tell
  bool finished;  // EPOLLRDHUP: the peer has sent its last byte, which may not have been read yet
  bool hung;      // EPOLLHUP or EPOLLERR: both directions are over
};
Opened make_poller() noexcept;
// Registers once, for everything, edge-triggered: EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET.
int watch(const Fd& poller, int fd, std::uint64_t token) noexcept;
// EPOLL_CTL_MOD with the same interest: whatever is ready now is reported again.
int rearm(const Fd& poller, int fd, std::uint64_t token) noexcept;
// Sleeps at most `timeout_ms` (-1: for ever). Returns how many of `into` were filled; 0 also after EINTR.
std::size_t wait(const Fd& poller, std::span<Event> into, int timeout_ms) noexcept;

// ---- signals ---------------------------------------------------------------------------------------------
enum class Signal : std::uint8_t { none, interrupt, terminate, reopen, reload };
// SIGINT, SIGTERM, SIGUSR1 (reopen) and SIGHUP (reload) become readable on the descriptor and lose their
// default action; SIGPIPE and SIGXFSZ are ignored: a write tells what is wrong. The SIGHUP of a terminal that
// is gone, which the kernel sends, counts as SIGINT.
Opened make_signalfd() noexcept;
Signal next_signal(const Fd& signals) noexcept;  // none: no more for now

// ---- files: for logs -------------------------------------------------------------------------------------
Opened open_log(const char* path) noexcept;  // appends, creates (0644)
// A description of standard output of our own, so that making it non-blocking changes nobody else's.
Opened open_stdout() noexcept;
// Writes what can be written without waiting; `again` if a pipe or a terminal takes no more now.
Io append(const Fd& log, std::span<const char> text) noexcept;
// A socket for datagrams to the listener at `path`; an error if none listens there now. It is not bound to
// that listener: one that takes its place gets what is sent later.
Opened open_datagrams(const char* path) noexcept;
// One datagram; `again` if the listener's queue is full.
Io send_datagram(const Fd& socket, const char* path, std::span<const char> text) noexcept;
// A whole file, of at most `most` bytes (EFBIG beyond). 0, or errno.
int read_file(const char* path, std::size_t most, std::string& out);
// What lies at a path, links followed; `none` also for what cannot be looked at.
enum class PathKind : std::uint8_t { none, file, directory };  // file: all that is no directory
PathKind path_kind(const char* path) noexcept;
void write_stderr(std::string_view text) noexcept;  // standard error, best effort

// ---- files: that are served (files.cpp) ------------------------------------------------------------------
struct FileStatus {
  enum class Kind : std::uint8_t { regular, directory, link, other };
  Kind kind = Kind::other;
  bool world_readable = false;  // may be read by everybody: S_IROTH
  std::uint64_t device = 0, inode = 0;
  std::uint64_t size = 0;        // bytes
  std::int64_t modified_ns = 0;  // since 1970-01-01 UTC; mtime
  std::int64_t changed_ns = 0;   // ctime, which nobody can set
  bool operator==(const FileStatus&) const = default;
};
Opened open_directory(const char* path) noexcept;  // to look below it; it is not read itself
enum class Access : std::uint8_t {
  read,
  look,  // `status_of` alone works on what is opened so; nothing happens to a device
};
// What lies below `folder` at `path`, which is relative; "" or ".": itself. By openat2(2) with
// RESOLVE_BENEATH: neither ".." nor a symbolic link leads out of `folder` (EXDEV). Does not wait for the
// other end of a FIFO.
Opened open_beneath(const Fd& folder, const char* path, Access access);
// The same without that call, which Linux has from 5.6 on; `open_beneath` does so where it is missing.
Opened open_beneath_by_steps(const Fd& folder, const char* path, Access access);
int status_of(const Fd& file, FileStatus& status) noexcept;  // fstat(2); 0, or errno
// pread(2); `eof` at the end of the file.
Io read_at(int file, std::uint64_t offset, std::span<std::byte> into) noexcept;
// sendfile(2), and moves `offset` on. `eof`: the file ends before `offset`. The socket may raise SIGPIPE, if
// `make_signalfd` has not been called.
Io send_file(const Fd& socket, int file, std::uint64_t& offset, std::size_t bytes) noexcept;
struct DirectoryEntry {
  std::string name;
  FileStatus status;  // of a link: its own
};
// What stands in an open folder, without "." and "..", in no order; at most `most` are added. Sets `cut` if
// there are more. 0, or errno.
int read_directory(const Fd& folder, std::size_t most, std::vector<DirectoryEntry>& out, bool& cut);

// ---- memory, limits, time --------------------------------------------------------------------------------
// Address space that
// costs memory only where it is touched, zeroed; nullptr if there is none. Page-aligned.
std::byte* reserve(std::size_t bytes) noexcept;
void unreserve(std::byte* memory, std::size_t bytes) noexcept;
void release_pages(std::byte* memory,
                   std::size_t bytes) noexcept;          // gives the pages back, keeps the addresses
std::size_t raise_descriptor_limit() noexcept;           // RLIMIT_NOFILE to its hard limit; the limit now
void random_bytes(std::span<std::byte> out) noexcept;    // that nobody can guess; getrandom(2)
std::uint64_t now_ms() noexcept;                         // monotonic
std::uint64_t wall_ms() noexcept;                        // since 1970-01-01 UTC
std::uint64_t local_ms(std::uint64_t unix_ms) noexcept;  // what a clock on the wall here shows then

}  // namespace sys

#include "kernel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "../../src/sys/call_trace.hpp"
#include "../../src/sys/core_dump.hpp"
#include "../../src/sys/handover.hpp"
#include "../../src/sys/sandbox.hpp"
#include "../../src/sys/terminal.hpp"
#include "../../src/sys/user.hpp"

namespace sim {
namespace {

World* world = nullptr;

constexpr std::size_t kTurnedAwayMost = 16 * 1024;  // bytes that may be read of such a client

constexpr sys::Io kAgain{sys::Outcome::again, 0, 0};
constexpr sys::Io kEof{sys::Outcome::eof, 0, 0};
constexpr sys::Io failed(int error) { return {sys::Outcome::fail, error, 0}; }
constexpr sys::Io done(std::size_t bytes) { return {sys::Outcome::done, 0, bytes}; }

std::size_t held(const Stream& stream) { return stream.flight.size() + stream.arrived.size(); }

// Its SYN will be answered.
bool is_answered(const Connection& c) {
  return c.phase == Connection::Phase::connecting || c.phase == Connection::Phase::refused;
}

// Keeps what the program writes after unrequested bytes. The rest of a short write is offered again: it
// counts once.
void note_offer(Connection& c, std::string_view from) {
  if (c.offered_behind.empty()) c.offered_from = c.written;
  c.offered_behind.resize(c.written - c.offered_from);
  c.offered_behind += from;
}

// Both FINs have been sent and received: no reset is possible any more.
bool is_over(const Connection& c) { return c.up.fin_arrived && c.down.fin_arrived; }

}  // namespace

std::map<std::string, std::string> files;

World& World::current() {
  if (world == nullptr) std::abort();
  return *world;
}
bool World::is_entered() { return world != nullptr; }
void World::enter() {
  world = this;
  sys::descriptors().clear();
}
void World::leave() { world = nullptr; }
World::~World() {
  if (world == this) world = nullptr;
}

// ---- descriptors -----------------------------------------------------------------------------------------

// The lowest free number, as POSIX requires: numbers are reused at once.
int World::allocate() {
  std::size_t index = 0;
  while (index < files_.size() && files_[index]) ++index;
  if (index + 3 >= descriptor_limit) return -1;
  if (index == files_.size()) files_.emplace_back();
  return static_cast<int>(index) + 3;
}

// Allocates a descriptor; -1: none is free.
int World::describe(Description::Kind kind) {
  const int fd = allocate();
  if (fd < 0) return -1;
  auto file = std::make_unique<Description>();
  file->kind = kind;
  files_[static_cast<std::size_t>(fd) - 3] = std::move(file);
  return fd;
}

World::Description& World::at(int fd) {
  const auto index = static_cast<std::size_t>(fd) - 3;
  if (fd < 3 || index >= files_.size() || !files_[index]) {
    fault("a call on descriptor " + std::to_string(fd) + ", which is not open");
    none_ = Description{};
    none_.connection = std::make_shared<Connection>();
    return none_;
  }
  return *files_[index];
}

World::Description* World::of(const Connection& connection) {
  for (const auto& file : files_)
    if (file && file->connection.get() == &connection) return file.get();
  return nullptr;
}

std::size_t World::descriptors() const {
  return static_cast<std::size_t>(
      std::count_if(files_.begin(), files_.end(), [](const auto& f) { return bool{f}; }));
}

std::size_t World::sockets() const {
  return static_cast<std::size_t>(std::count_if(
      files_.begin(), files_.end(), [](const auto& f) { return f && f->kind == Description::Kind::socket; }));
}

std::size_t World::listeners() const {
  return static_cast<std::size_t>(std::count_if(files_.begin(), files_.end(), [](const auto& f) {
    return f && f->kind == Description::Kind::listener;
  }));
}

std::size_t World::pipe_ends() const {
  return static_cast<std::size_t>(
      std::count_if(files_.begin(), files_.end(), [](const auto& f) { return f && f->pipe; }));
}

std::size_t World::bytes_in_pipes() const {
  std::size_t bytes = 0;
  for (const auto& file : files_)
    if (file && file->kind == Description::Kind::pipe_out) bytes += file->pipe->bytes.size();
  return bytes;
}

std::vector<int> World::open_sockets() const {
  std::vector<int> all;
  for (std::size_t i = 0; i < files_.size(); ++i)
    if (files_[i] && files_[i]->kind == Description::Kind::socket) all.push_back(static_cast<int>(i) + 3);
  return all;
}

bool World::has_spoken(int fd) const {
  const Description& file = *files_[static_cast<std::size_t>(fd) - 3];
  const Connection& c = *file.connection;
  return !file.queued && !sys::held_by_lens(fd) && (c.dead || c.up.fin_arrived || !c.up.arrived.empty());
}

void World::fault(const std::string& what) {
  if (broken.empty()) broken = what;
}

void World::close(int fd) {
  Description& file = at(fd);
  if (&file == &none_) return;
  if (file.kind == Description::Kind::listener)
    for (const ConnectionPtr& waiting : file.backlog) waiting->rst_to_remote = waiting->closed = true;
  if (file.kind == Description::Kind::signals) signals_fd_ = -1;
  if (file.kind == Description::Kind::names) names_fd_ = -1;
  if (file.kind == Description::Kind::socket) {
    Connection& c = *file.connection;
    c.closed = true;
    if (!c.dead && !is_over(c)) {
      const bool abort = c.linger0 || !c.up.arrived.empty() || c.phase != Connection::Phase::open;
      if (c.linger0)
        c.down.flight.resize(chooser_.choose(static_cast<std::uint32_t>(c.down.flight.size() + 1)));
      (abort ? c.rst_to_remote : c.down.fin_sent) = true;
      // The socket is closed: the remote host never gets a connection.
      if (is_answered(c) && c.answer_at > now_) c.phase = Connection::Phase::black_hole;
    }
  }
  files_[static_cast<std::size_t>(fd) - 3].reset();
  std::erase(queue_, fd);
}

// ---- readiness, as in tcp_poll() of Linux ----------------------------------------------------------------

std::size_t World::room(const Connection& c) const { return c.room - std::min(c.room, held(c.down)); }

World::Mask World::poll(const Description& file) const {
  Mask mask;
  switch (file.kind) {
    case Description::Kind::listener: mask.in = !file.backlog.empty(); return mask;
    case Description::Kind::signals: mask.in = !signals_pending_.empty(); return mask;
    case Description::Kind::names: mask.in = !answered.empty(); return mask;
    case Description::Kind::poller:
    case Description::Kind::pipe_in:
    case Description::Kind::pipe_out:
    case Description::Kind::file:
    case Description::Kind::log: return mask;
    case Description::Kind::socket: break;
  }
  const Connection& c = *file.connection;
  mask.error = c.error != 0;
  if (c.dead) {
    mask.in = mask.out = mask.finished = mask.hung = true;
    return mask;
  }
  if (c.phase != Connection::Phase::open) return mask;
  mask.finished = c.up.fin_arrived;
  mask.in = !c.up.arrived.empty() || c.up.fin_arrived;
  mask.out = c.shut || room(c) * 3 >= c.room;
  mask.hung = c.up.fin_arrived && c.shut;
  return mask;
}

void World::notify(int fd) {
  if (fd < 3) return;
  Description& file = at(fd);
  if (!file.watched || file.queued) return;
  file.queued = true;
  queue_.push_back(fd);
}

void World::notify(const Connection& connection) {
  for (std::size_t i = 0; i < files_.size(); ++i)
    if (files_[i] && files_[i]->connection.get() == &connection) notify(static_cast<int>(i) + 3);
}

int World::watch(int fd, std::uint64_t token, bool again) {
  int error = 0;
  static constexpr std::array<int, 2> kErrors{ENOMEM, ENOSPC};
  if (!again && fails(Call::watch, kErrors, error)) return error;
  Description& file = at(fd);
  if (file.watched != again) fault("a descriptor is watched twice, or changed without being watched");
  file.watched = true;
  file.token = token;
  if (file.connection) file.connection->turned_away = false;
  if (poll(file).any()) notify(fd);
  return 0;
}

void World::level(sys::Level& level) {
  const Mask mask = poll(at(level.fd));
  level.readable = mask.in || mask.hung || mask.error;
  level.writable = mask.out || mask.hung || mask.error;
}

bool World::figures(int fd, sys::SocketFigures& out) {
  const Description& file = at(fd);
  if (!file.connection) return false;
  out = {.state = "ESTABLISHED",
         .unread = file.connection->up.arrived.size(),
         .unsent = file.connection->down.flight.size() + file.connection->down.arrived.size()};
  return true;
}

bool World::event_due(const Connection& connection) const {
  return std::any_of(files_.begin(), files_.end(), [&connection](const auto& file) {
    const bool waits_here = file && !connection.accepted && file->kind == Description::Kind::listener;
    return file && file->queued && (waits_here || file->connection.get() == &connection);
  });
}

std::size_t World::hand_out(std::span<sys::Event> into) {
  std::size_t count = 0;
  std::size_t most = queue_.empty() ? 0 : chooser_.some(queue_.size());
  while (!queue_.empty() && most-- > 0 && count < into.size()) {
    const auto pick = chooser_.choose(static_cast<std::uint32_t>(queue_.size()));
    Description& file = at(queue_[pick]);
    queue_.erase(queue_.begin() + pick);
    file.queued = false;
    const Mask mask = poll(file);
    if (!mask.any()) continue;
    if (file.connection && !mask.out) file.connection->no_space = true;
    const bool gone = mask.hung || mask.error;
    into[count++] = {.token = file.token,
                     .readable = mask.in || mask.finished || gone,
                     .writable = mask.out || gone,
                     .finished = mask.finished,
                     .hung = gone};
  }
  return count;
}

// ---- the world moves -------------------------------------------------------------------------------------

bool World::moves_up(const Connection& c) {
  return !c.dead && (!c.up.flight.empty() || (c.up.fin_sent && !c.up.fin_arrived) || c.rst_to_program);
}

bool World::moves(const Connection& c) const {
  if (is_answered(c)) return c.answer_at <= now_;
  if (c.phase == Connection::Phase::black_hole) return false;
  const bool down = !c.down.flight.empty() || (c.down.fin_sent && !c.down.fin_arrived);
  return moves_up(c) || (!c.remote_reset && (down || c.rst_to_remote));
}

std::uint64_t World::next_handshake() const {
  std::uint64_t next = ~std::uint64_t{0};
  for (const ConnectionPtr& c : connections_)
    if (is_answered(*c) && c->answer_at > now_) next = std::min(next, c->answer_at);
  return next;
}

bool World::still() const {
  const bool names_move = std::any_of(asked.begin(), asked.end(),
                                      [this](const auto& host) { return !unanswered.contains(host); });
  return !names_move &&
         std::none_of(connections_.begin(), connections_.end(), [this](const auto& c) { return moves(*c); });
}

void World::kill(Connection& c, int error) {
  c.dead = true;
  c.error = error;
  c.rst_to_program = false;
  c.up.flight.clear();
  c.down.flight.clear();
  notify(c);
}

void World::deliver_up(Connection& c) {
  if (!c.up.flight.empty()) {
    const bool all = !chooser_.once_in(temper_.split);
    const std::size_t piece = all ? c.up.flight.size() : chooser_.some(c.up.flight.size());
    if (c.closed) {
      c.up.flight.clear();
      c.rst_to_remote = true;
      return;
    }
    c.up.arrived.append(c.up.flight, 0, piece);
    c.up.flight.erase(0, piece);
    return notify(c);
  }
  // tcp_reset(): in CLOSE_WAIT, after their FIN, the error is EPIPE.
  if (c.rst_to_program) return kill(c, c.up.fin_arrived ? EPIPE : ECONNRESET);
  c.up.fin_arrived = true;
  notify(c);
}

void World::deliver_down(Connection& c) {
  if (!c.down.flight.empty()) {
    const bool all = !chooser_.once_in(temper_.split);
    const std::size_t piece = all ? c.down.flight.size() : chooser_.some(c.down.flight.size());
    if (c.remote_closed) {
      c.down.flight.clear();
      c.rst_to_program = true;
      return;
    }
    c.down.arrived.append(c.down.flight, 0, piece);
    c.down.flight.erase(0, piece);
    return;
  }
  if (c.rst_to_remote)
    c.remote_reset = true;
  else
    c.down.fin_arrived = true;
}

bool World::answer_names() {
  const auto next = std::find_if(asked.begin(), asked.end(),
                                 [this](const auto& host) { return !unanswered.contains(host); });
  if (next == asked.end()) return false;
  net::Found found;
  found.what = net::Found::What::not_found;
  if (const auto known = names.find(*next); known != names.end()) found = known->second;
  found.host = *next;
  asked.erase(next);
  answered.push_back(std::move(found));
  notify(names_fd_);
  return true;
}

bool World::step() {
  std::vector<ConnectionPtr> moving;
  for (const ConnectionPtr& c : connections_)
    if (moves(*c)) moving.push_back(c);
  const bool names_move = !asked.empty();
  const std::size_t others = actors.size() + (names_move ? 1 : 0);
  // An actor may have nothing to do; then the next one is tried, so that each step does something.
  const auto options = static_cast<std::uint32_t>(moving.size() + others);
  if (options == 0) return false;
  const std::uint32_t first = chooser_.choose(options);
  for (std::uint32_t i = 0; i < options; ++i) {
    const std::uint32_t option = (first + i) % options;
    if (option < moving.size()) {
      Connection& c = *moving[option];
      if (c.phase == Connection::Phase::connecting) {
        c.phase = Connection::Phase::open;
        for (Host& host : hosts_)
          if (host.address == c.to) host.arrivals.push_back(moving[option]);
        notify(c);
        return true;
      }
      if (c.phase == Connection::Phase::refused) {
        c.phase = Connection::Phase::open;
        kill(c, ECONNREFUSED);
        c.remote_closed = c.remote_reset = true;
        return true;
      }
      const bool up = moves_up(c);
      const bool down = !c.remote_reset && (!c.down.flight.empty() || c.rst_to_remote ||
                                            (c.down.fin_sent && !c.down.fin_arrived));
      if (up && (!down || chooser_.choose(2) == 0))
        deliver_up(c);
      else
        deliver_down(c);
      return true;
    }
    const std::size_t actor = option - moving.size();
    if (actor < actors.size()) {
      if (actors[actor]()) return true;
    } else if (answer_names()) {
      return true;
    }
  }
  return false;
}

void World::charge(std::uint64_t units) {
  work_ += units;
  if (work_ > work_max) fault("one turn does more than " + std::to_string(work_max) + " units of work");
}

void World::hash(std::uint64_t ms) {
  if (hashes++ > hashes_before_) fault("two password hashes in one turn");
  now_ += ms;
}

sys::Waited World::wait(std::span<sys::Event> into, int timeout_ms) {
  ++waits;
  work_ = 0;
  hashes_before_ = hashes;
  events_handed_out = 0;
  if (waits > 200'000) fault("the program waits without end");
  if (timeout_ms != 0) before_sleep();
  if (!broken.empty()) return {0, false};
  const std::uint64_t until =
      timeout_ms < 0 ? ~std::uint64_t{0} : now_ + static_cast<std::uint64_t>(timeout_ms);
  for (bool stuck = false;;) {
    if (!queue_.empty() && (stuck || !chooser_.once_in(temper_.linger))) {
      events_handed_out = hand_out(into);
      if (events_handed_out > 0) return {events_handed_out, queue_.empty()};
      continue;
    }
    if (timeout_ms == 0 && queue_.empty()) {
      if (chooser_.choose(2) == 0) step();  // A wait without a timeout lets time pass too.
      if (queue_.empty()) return {0, true};
      continue;
    }
    if (step()) {
      if (chooser_.choose(8) == 0) ++now_;
      continue;
    }
    stuck = true;
    if (!queue_.empty()) continue;
    std::uint64_t next = std::min(until, next_handshake());
    if (const std::uint64_t actor = next_actor_time(); actor != 0)
      next = std::min(next, std::max(actor, now_));
    if (next == ~std::uint64_t{0}) {
      if (when_still()) continue;
      fault("the program sleeps without a timeout, and no event can wake it");
      return {0, true};
    }
    now_ = std::max(now_, next);
    if (now_ >= until) return {0, true};
  }
}

void World::play_out() {
  for (int rounds = 0; rounds < 10'000; ++rounds) {
    settle();
    const std::uint64_t next = next_actor_time();
    if (next == 0) return;
    now_ = std::max(now_ + 1, next);
  }
  fault("the actors never end");
}

bool World::fails(Call call, std::span<const int> errors, int& error) {
  const std::uint32_t nth = calls_made[static_cast<std::size_t>(call)]++;
  if (failure && failure->call == call && failure->nth == nth && now_ < failure->until) {
    error = failure->error;
    return true;
  }
  if (!chooser_.once_in(temper_.error)) return false;
  error = errors[chooser_.choose(static_cast<std::uint32_t>(errors.size()))];
  return true;
}

// ---- the remote hosts ------------------------------------------------------------------------------------

World::Host& World::host(const sys::Address& address, Host::Manner manner, std::uint64_t delay_ms) {
  hosts_.push_back({address, manner, {}, delay_ms});
  return hosts_.back();
}

ConnectionPtr World::connect_to_program(std::uint16_t port, const sys::Address& from) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (!files_[i] || files_[i]->kind != Description::Kind::listener || files_[i]->address.port != port)
      continue;
    if (files_[i]->backlog.size() >= files_[i]->backlog_most) return nullptr;
    auto c = std::make_shared<Connection>();
    c->id = ++ids_;
    c->phase = Connection::Phase::open;
    c->room = temper_.send_room;
    c->to = files_[i]->address;
    c->from = from;
    connections_.push_back(c);
    files_[i]->backlog.push_back(c);
    notify(static_cast<int>(i) + 3);
    return c;
  }
  return nullptr;
}

std::size_t World::remote_send(Connection& c, std::string_view bytes) {
  if (c.remote_reset || c.remote_closed || c.up.fin_sent) return 0;
  const std::size_t taken = std::min(bytes.size(), c.room - std::min(c.room, held(c.up)));
  c.up.flight.append(bytes.substr(0, taken));
  return taken;
}

std::string World::remote_read(Connection& c, std::size_t most) {
  std::string out = c.down.arrived.substr(0, most);
  c.down.arrived.erase(0, out.size());
  if (!out.empty() && c.no_space && room(c) * 3 >= c.room) {
    c.no_space = false;
    notify(c);
  }
  return out;
}

void World::remote_shutdown(Connection& c) {
  if (!c.remote_closed && !c.remote_reset) c.up.fin_sent = true;
}

void World::remote_close(Connection& c) {
  if (std::exchange(c.remote_closed, true) || c.remote_reset || is_over(c)) return;
  if (c.down.arrived.empty())
    c.up.fin_sent = true;
  else
    c.rst_to_program = true;
}

void World::remote_rst(Connection& c) {
  if (std::exchange(c.remote_closed, true) || c.remote_reset || is_over(c)) return;
  c.up.flight.resize(chooser_.choose(static_cast<std::uint32_t>(c.up.flight.size() + 1)));
  c.rst_to_program = true;
}

// ---- the calls of the program ----------------------------------------------------------------------------

Connection& World::connection(int fd, const char* call) {
  Description& file = at(fd);
  if (file.kind != Description::Kind::socket)
    fault(std::string{call} + " on a descriptor that is not a socket");
  return *file.connection;
}

sys::Io World::receive(int fd, std::span<std::byte> into) {
  Connection& c = connection(fd, "receive");
  if (into.empty()) fault("receive into nothing: its 0 would look like the end of the stream");
  std::string bytes;
  const sys::Io io = take(c, into.size(), bytes);
  std::memcpy(into.data(), bytes.data(), bytes.size());
  // Less than requested and less than available: the rest counts as arriving now, which is an edge.
  if (io.outcome == sys::Outcome::done && io.bytes < into.size() && !c.up.arrived.empty()) notify(c);
  return io;
}

// Reads bytes that have arrived.
sys::Io World::take(Connection& c, std::size_t room, std::string& into) {
  int error = 0;
  static constexpr std::array<int, 2> kErrors{ECONNRESET, ETIMEDOUT};
  if (fails(Call::receive, kErrors, error)) {
    c.remote_reset = true;
    kill(c, 0);
    return failed(error);
  }
  if (!c.up.arrived.empty()) {
    const std::size_t most = std::min(room, c.up.arrived.size());
    const std::size_t count = chooser_.once_in(temper_.short_io) ? chooser_.some(most) : most;
    into.append(c.up.arrived, 0, count);
    c.up.arrived.erase(0, count);
    c.read += count;
    read_in_all += c.shut || c.turned_away ? 0 : count;
    if (c.turned_away && c.read > kTurnedAwayMost) fault("a client that is turned away is read on and on");
    if (c.up.arrived.empty() && moves_up(c) && chooser_.once_in(temper_.overtake)) deliver_up(c);
    return done(count);
  }
  // tcp_recvmsg(): a received FIN is reported before a later error.
  if (c.up.fin_arrived) return kEof;
  if (c.error != 0) return failed(std::exchange(c.error, 0));
  return c.dead ? kEof : kAgain;
}

sys::Io World::transmit(int fd, std::span<const std::byte> from) {
  Connection& c = connection(fd, "transmit");
  if (from.empty()) fault("transmit of nothing");
  return put(c, {reinterpret_cast<const char*>(from.data()), from.size()});
}

// Writes bytes to the socket.
sys::Io World::put(Connection& c, std::string_view from) {
  int error = 0;
  static constexpr std::array<int, 3> kErrors{ECONNRESET, EPIPE, ETIMEDOUT};
  if (c.phase == Connection::Phase::open && !c.dead && fails(Call::transmit, kErrors, error)) {
    c.remote_reset = true;
    kill(c, 0);
    return failed(error);
  }
  if (c.error != 0) return failed(std::exchange(c.error, 0));
  if (c.phase != Connection::Phase::open) {
    c.no_space = true;
    return kAgain;
  }
  if (c.dead || c.shut) return failed(EPIPE);
  const std::size_t free = room(c);
  if (free == 0) {
    c.no_space = true;
    return kAgain;
  }
  if (c.written == c.asked_up_to && c.read + c.up.arrived.size() > c.unasked_from)
    fault("a request is sent on a connection with unrequested bytes");
  if (c.unasked_from != ~std::size_t{0} && c.written >= c.asked_up_to) note_offer(c, from);
  const std::size_t most = std::min(from.size(), free);
  const std::size_t count = chooser_.once_in(temper_.short_io) ? chooser_.some(most) : most;
  c.down.flight.append(from.substr(0, count));
  c.written += count;
  if (count < from.size()) {
    c.no_space = true;
    // Less than requested although there is room: the room counts as appearing now, which is an edge.
    if (room(c) * 3 >= c.room) {
      c.no_space = false;
      notify(c);
    }
  }
  return done(count);
}

// ---- pipes -----------------------------------------------------------------------------------------------

sys::Pipe World::make_pipe() {
  int error = 0;
  static constexpr std::array<int, 2> kErrors{EMFILE, ENFILE};
  if (fails(Call::pipe, kErrors, error)) return {sys::Fd{}, sys::Fd{}, error};
  const auto buffer = std::make_shared<PipeBuffer>();
  sys::Fd out{describe(Description::Kind::pipe_out)};
  if (!out) return {sys::Fd{}, sys::Fd{}, EMFILE};
  at(out.get()).pipe = buffer;
  sys::Fd in{describe(Description::Kind::pipe_in)};
  if (!in) return {sys::Fd{}, sys::Fd{}, EMFILE};
  at(in.get()).pipe = buffer;
  return {std::move(in), std::move(out), 0};
}

int World::resize_pipe(int pipe, std::size_t bytes) {
  if (at(pipe).kind != Description::Kind::pipe_in) {
    fault("a descriptor is resized that is not a pipe");
    return EBADF;
  }
  int error = 0;
  static constexpr std::array<int, 2> kErrors{EPERM, ENOMEM};
  if (bytes > sys::kPipeBytesMax) return EPERM;
  if (fails(Call::resize_pipe, kErrors, error)) return error;
  if (at(pipe).pipe->bytes.size() > bytes) return EBUSY;
  at(pipe).pipe->capacity = bytes;
  return 0;
}

// A short splice makes no edge: the pipe may have been full, and the rest was available before.
sys::Io World::splice_in(int socket, int pipe, std::size_t most) {
  Connection& c = connection(socket, "splice");
  if (most == 0) fault("splice of nothing: its 0 would look like the end of the stream");
  if (at(pipe).kind != Description::Kind::pipe_in) {
    fault("splice into a descriptor that is not a pipe");
    return failed(EBADF);
  }
  int error = 0;
  static constexpr std::array<int, 3> kErrors{EINVAL, ENOSYS, EPERM};
  if (fails(Call::splice, kErrors, error)) return failed(error);
  PipeBuffer& buffer = *at(pipe).pipe;
  if (buffer.bytes.size() >= buffer.capacity) return kAgain;
  return take(c, std::min(most, buffer.capacity - buffer.bytes.size()), buffer.bytes);
}

sys::Io World::splice_out(int pipe, int socket, std::size_t bytes) {
  Connection& c = connection(socket, "splice");
  if (at(pipe).kind != Description::Kind::pipe_out || bytes == 0 || bytes > at(pipe).pipe->bytes.size()) {
    fault("splice of more than the pipe holds: Linux would keep the last segment back");
    return failed(EINVAL);
  }
  const sys::Io io = put(c, std::string_view{at(pipe).pipe->bytes}.substr(0, bytes));
  at(pipe).pipe->bytes.erase(0, io.bytes);
  return io;
}

sys::Opened World::listen(const sys::Address& address, int backlog) {
  int error = 0;
  static constexpr std::array<int, 1> kErrors{EADDRINUSE};
  if (fails(Call::listen, kErrors, error)) return {sys::Fd{}, error};
  const int fd = allocate();
  if (fd < 0) return {sys::Fd{}, EMFILE};
  if (taken_ports.contains(address.port) || std::any_of(files_.begin(), files_.end(), [&](const auto& f) {
        return f && f->kind == Description::Kind::listener && f->address == address;
      }))
    return {sys::Fd{}, EADDRINUSE};
  auto file = std::make_unique<Description>();
  file->kind = Description::Kind::listener;
  file->address = address;
  file->backlog_most = static_cast<std::size_t>(backlog) + 1;  // as Linux counts
  files_[static_cast<std::size_t>(fd) - 3] = std::move(file);
  return {sys::Fd{fd}, 0};
}

sys::Opened World::accept(int fd, sys::Address& peer) {
  Description& listener = at(fd);
  const bool in_reserve = std::exchange(accept_lacked_descriptor_, false);
  const int socket = allocate();  // before the queue is checked, as in accept4(2)
  accept_lacked_descriptor_ = socket < 0;
  if (socket < 0) return {sys::Fd{}, EMFILE};
  int error = 0;
  static constexpr std::array<int, 5> kErrors{ECONNABORTED, ENFILE, ENOBUFS, ENOMEM, EMFILE};
  if (!listener.backlog.empty() && fails(Call::accept, kErrors, error)) {
    accept_lacked_descriptor_ = error == EMFILE;
    if (error == ECONNABORTED) {
      listener.backlog.front()->rst_to_remote = listener.backlog.front()->closed = true;
      listener.backlog.pop_front();
    }
    return {sys::Fd{}, error};
  }
  if (listener.backlog.empty()) return {sys::Fd{}, EAGAIN};
  auto file = std::make_unique<Description>();
  file->kind = Description::Kind::socket;
  file->connection = at(fd).backlog.front();
  at(fd).backlog.pop_front();
  file->connection->accepted = true;
  file->connection->turned_away = in_reserve || lens_limits_descriptors;
  file->address = at(fd).address;
  peer = file->connection->from;
  peer.port = static_cast<std::uint16_t>(40'000 + file->connection->id);
  files_[static_cast<std::size_t>(socket) - 3] = std::move(file);
  return {sys::Fd{socket}, 0};
}

sys::Opened World::connect(const sys::Address& address) {
  int error = 0;
  static constexpr std::array<int, 5> kErrors{EMFILE, ENETUNREACH, EADDRNOTAVAIL, ENOBUFS, ECONNREFUSED};
  if (fails(Call::connect, kErrors, error)) return {sys::Fd{}, error};
  const int fd = allocate();
  if (fd < 0) return {sys::Fd{}, EMFILE};
  auto c = std::make_shared<Connection>();
  c->id = ++ids_;
  c->room = temper_.send_room;
  c->to = address;
  c->phase = Connection::Phase::refused;
  for (const Host& host : hosts_) {
    if (!(host.address == address)) continue;
    if (host.delay_ms > 0) c->answer_at = now_ + host.delay_ms;
    if (host.manner == Host::Manner::accepts) c->phase = Connection::Phase::connecting;
    if (host.manner == Host::Manner::swallows) c->phase = Connection::Phase::black_hole;
  }
  connections_.push_back(c);
  auto file = std::make_unique<Description>();
  file->kind = Description::Kind::socket;
  file->connection = c;
  files_[static_cast<std::size_t>(fd) - 3] = std::move(file);
  // On the same machine the handshake is often over when connect(2) returns.
  if (c->phase == Connection::Phase::connecting && c->answer_at == 0 && chooser_.choose(2) == 0) {
    c->phase = Connection::Phase::open;
    for (Host& host : hosts_)
      if (host.address == address) host.arrivals.push_back(c);
  }
  return {sys::Fd{fd}, 0};
}

int World::socket_error(int fd) { return std::exchange(at(fd).connection->error, 0); }
sys::Address World::local_address(int fd) { return at(fd).address; }

void World::shutdown_write(int fd) {
  Connection& c = *at(fd).connection;
  if (!c.dead) c.shut = c.down.fin_sent = true;
  notify(c);  // inet_shutdown() wakes all waiters in any case
}

void World::reset_on_close(int fd) { at(fd).connection->linger0 = true; }

sys::Opened World::make_poller() {
  const int fd = allocate();
  auto file = std::make_unique<Description>();
  file->kind = Description::Kind::poller;
  files_[static_cast<std::size_t>(fd) - 3] = std::move(file);
  return {sys::Fd{fd}, 0};
}

sys::Opened World::make_signalfd() {
  signals_fd_ = allocate();
  auto file = std::make_unique<Description>();
  file->kind = Description::Kind::signals;
  files_[static_cast<std::size_t>(signals_fd_) - 3] = std::move(file);
  return {sys::Fd{signals_fd_}, 0};
}

int World::open_names() {
  names_fd_ = allocate();
  auto file = std::make_unique<Description>();
  file->kind = Description::Kind::names;
  files_[static_cast<std::size_t>(names_fd_) - 3] = std::move(file);
  return names_fd_;
}

sys::Signal World::next_signal() {
  // The lowest number first (signal(7)): SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGTERM.
  for (const sys::Signal kind : {sys::Signal::reload, sys::Signal::interrupt, sys::Signal::reopen,
                                 sys::Signal::record, sys::Signal::terminate}) {
    if (signals_pending_.erase(kind) == 0) continue;
    reloads_heard += kind == sys::Signal::reload ? 1 : 0;
    return kind;
  }
  return sys::Signal::none;
}

sys::Opened World::open_log() {
  int error = 0;
  static constexpr std::array<int, 2> kErrors{EMFILE, EACCES};
  if (fails(Call::open, kErrors, error)) return {sys::Fd{}, error};
  const int fd = allocate();
  if (fd < 0) return {sys::Fd{}, EMFILE};
  auto file = std::make_unique<Description>();
  file->kind = Description::Kind::log;
  files_[static_cast<std::size_t>(fd) - 3] = std::move(file);
  return {sys::Fd{fd}, 0};
}

sys::Opened World::make_file(const char* path) {
  if (made_files.contains(path)) return {sys::Fd{}, EEXIST};
  sys::Opened made = open_log();
  if (!made.fd) return made;
  at(made.fd.get()).inode = made_files[path] = ++inodes_;
  return made;
}

int World::remove_file(const char* path, std::uint64_t inode) {
  const auto found = made_files.find(path);
  if (found == made_files.end()) return ENOENT;
  if (found->second != inode) return ESTALE;
  made_files.erase(found);
  return 0;
}

sys::Io World::append(int fd, std::span<const char> text) {
  at(fd);
  int error = 0;
  static constexpr std::array<int, 2> kErrors{EAGAIN, ENOSPC};
  if (fails(Call::append, kErrors, error)) return error == EAGAIN ? kAgain : failed(error);
  const std::size_t count = chooser_.once_in(temper_.short_io) ? chooser_.some(text.size()) : text.size();
  log.append(text.data(), count);
  return done(count);
}

sys::Io World::send_datagram(int fd, std::span<const char> text) {
  at(fd);
  int error = 0;
  static constexpr std::array<int, 2> kErrors{EAGAIN, ECONNREFUSED};
  if (fails(Call::append, kErrors, error)) return error == EAGAIN ? kAgain : failed(error);
  log.append(text.data(), text.size()) += '\n';
  return done(text.size());
}

}  // namespace sim

// ---- sys.hpp, by the current world -----------------------------------------------------------------------

namespace sys {

using sim::World;

void raw::close_fd(int fd) noexcept { World::current().close(fd); }
Io raw::receive(const Fd& socket, std::span<std::byte> into) noexcept {
  return World::current().receive(socket.get(), into);
}
Io raw::transmit(const Fd& socket, std::span<const std::byte> from) noexcept {
  return World::current().transmit(socket.get(), from);
}
Pipe make_pipe() noexcept { return World::current().make_pipe(); }
int resize_pipe(const Fd& in, std::size_t bytes) noexcept {
  return World::current().resize_pipe(in.get(), bytes);
}
Io raw::splice_in(const Fd& socket, const Fd& in, std::size_t most) noexcept {
  return World::current().splice_in(socket.get(), in.get(), most);
}
Io raw::splice_out(const Fd& out, const Fd& socket, std::size_t bytes) noexcept {
  return World::current().splice_out(out.get(), socket.get(), bytes);
}
Opened listen(const Address& address, int backlog, PortUse /*use*/) noexcept {
  return World::current().listen(address, backlog);
}
Opened raw::accept(const Fd& listener, Address& peer) noexcept {
  return World::current().accept(listener.get(), peer);
}
Opened raw::connect(const Address& address) noexcept { return World::current().connect(address); }
Opened raw::connect_local(const char* path) noexcept {
  World& world = World::current();
  const auto found = world.local_hosts.find(path);
  if (found == world.local_hosts.end()) return {Fd{}, ENOENT};
  return world.connect(found->second);
}
// Names come from `names.cpp`: no datagram is sent.
Opened raw::connect_datagrams(const Address& /*address*/) noexcept { return {Fd{}, ENETUNREACH}; }
std::uint32_t interface_index(std::string_view name) noexcept { return name == "lo" ? 1 : 0; }
int raw::socket_error(const Fd& socket) noexcept { return World::current().socket_error(socket.get()); }
Address local_address(const Fd& socket) noexcept { return World::current().local_address(socket.get()); }
void set_nodelay(const Fd& /*socket*/) noexcept {}
void probe_peer(const Fd& /*socket*/) noexcept {}
void raw::shutdown_write(const Fd& socket) noexcept { World::current().shutdown_write(socket.get()); }
void reset_on_close(const Fd& socket) noexcept { World::current().reset_on_close(socket.get()); }
Opened make_poller() noexcept { return World::current().make_poller(); }
int raw::watch(const Fd& /*poller*/, int fd, std::uint64_t token) noexcept {
  return World::current().watch(fd, token, false);
}
int raw::rearm(const Fd& /*poller*/, int fd, std::uint64_t token) noexcept {
  return World::current().watch(fd, token, true);
}
Waited raw::wait(const Fd& /*poller*/, std::span<Event> into, int timeout_ms) noexcept {
  return World::current().wait(into, timeout_ms);
}
void raw::levels(std::span<Level> of) noexcept {
  for (Level& level : of) World::current().level(level);
}
// What a remote host has not read of ours is unsent.
bool socket_figures(int fd, SocketFigures& out) noexcept { return World::current().figures(fd, out); }
int own_addresses(std::vector<OwnAddress>& out) {
  for (const Address& own : World::current().own_addresses) out.push_back({own, own.bits()});
  return 0;
}
// The addresses of this machine do not change.
Opened watch_addresses() noexcept { return {Fd{}, EPROTONOSUPPORT}; }
void drain_address_changes(const Fd& /*changes*/) noexcept {}
Opened make_signalfd() noexcept { return World::current().make_signalfd(); }
Signal next_signal(const Fd& /*signals*/) noexcept { return World::current().next_signal(); }
Opened open_log(const char* /*path*/) noexcept { return World::current().open_log(); }
Opened open_stdout() noexcept { return World::current().open_log(); }
Opened create_file(const char* path) noexcept { return World::current().make_file(path); }
Opened replace_file(const char* path) noexcept {
  World::current().made_files.erase(path);
  return World::current().make_file(path);
}
int remove_file(const char* path, const FileStatus& file) noexcept {
  return World::current().remove_file(path, file.inode);
}
int write_all(const Fd& /*file*/, std::span<const std::byte> bytes) noexcept {
  World::current().record_file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return 0;
}
Io append(const Fd& log, std::span<const char> text) noexcept {
  return World::current().append(log.get(), text);
}
Opened open_datagrams(const char* /*path*/) noexcept { return World::current().open_log(); }
// Appends the datagram to the world's log with a newline, as a daemon would.
Io send_datagram(const Fd& socket, const char* /*path*/, std::span<const char> text) noexcept {
  return World::current().send_datagram(socket.get(), text);
}
int read_file(const char* path, std::size_t most, std::string& out, Pipes /*pipes*/) {
  const auto found = sim::files.find(path);
  if (found == sim::files.end()) return ENOENT;
  if (found->second.size() > most) return EFBIG;
  if (World::is_entered()) World::current().charge(found->second.size() / World::Price::kConfigurationBytes);
  out = found->second;
  return 0;
}
PathKind path_kind(const char* path, Links /*links*/) noexcept {
  if (sim::files.contains(std::string{path} + "/")) return PathKind::directory;
  return sim::files.contains(path) ? PathKind::regular : PathKind::none;
}
int check_writable(const char* /*path*/) noexcept { return 0; }
std::string working_directory() { return "/work"; }
void random_bytes(std::span<std::byte> out) noexcept { std::memset(out.data(), 0, out.size()); }
void write_stderr(std::string_view text) noexcept { World::current().complaints += text; }
std::byte* reserve(std::size_t bytes) noexcept {
  return static_cast<std::byte*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096));
}
void unreserve(std::byte* memory, std::size_t /*bytes*/) noexcept { std::free(memory); }
void release_pages(std::byte* /*memory*/, std::size_t /*bytes*/) noexcept {}
std::size_t raise_descriptor_limit() noexcept { return World::current().descriptor_limit; }
std::uint64_t now_us() noexcept { return 1000 * World::current().now(); }
std::uint64_t now_ms() noexcept { return World::current().now(); }
std::uint64_t cpu_us() noexcept { return 1000 * World::current().now(); }
int on_crash(CrashHandler /*handler*/) noexcept { return 0; }
// There is no terminal.
ServiceManager service_manager() { return World::current().service_manager; }
bool take_passed_sockets(std::vector<PassedSocket>& out) {
  out = std::exchange(World::current().passed_sockets, {});
  return true;
}
ListenerFault check_listener(const Fd& /*socket*/) noexcept { return World::current().passed_fault; }
Opened open_notifications() noexcept { return World::current().open_log(); }
void notify(const Fd& /*socket*/, std::string_view address, std::string_view text) noexcept {
  World& world = World::current();
  if (address == world.service_manager.notify_socket) world.notifications.emplace_back(text);
}
std::optional<Identity> find_user(const std::string& name) {
  return name == "proxy" ? std::optional{Identity{13, 13}} : std::nullopt;
}
std::optional<std::uint32_t> find_group(const std::string& name) {
  return name == "www" ? std::optional{std::uint32_t{33}} : std::nullopt;
}
Identity own_identity() noexcept { return World::current().identity; }
int become(const Identity& identity) noexcept {
  World& world = World::current();
  if (world.identity.user != 0) return EPERM;
  world.identity = identity;
  return 0;
}
int check_sandbox() noexcept { return World::current().sandbox_error; }
int restrict_calls() noexcept {
  World::current().calls_are_limited = true;
  return 0;
}
// Paths have no links here, and are granted by their text.
FileLimits restrict_files(std::span<const UsedPath> paths) {
  World& world = World::current();
  if (world.landlock_error != 0) return {world.landlock_error, 0, {}, {}};
  world.allowed_paths.assign(paths.begin(), paths.end());
  return {0, 1, {}, {}};
}
bool is_granted(std::span<const GrantedPath> /*granted*/, const char* path, PathUse use) noexcept {
  const std::string_view asked{path};
  const std::vector<UsedPath>& allowed = World::current().allowed_paths;
  return std::any_of(allowed.begin(), allowed.end(), [asked, use](const UsedPath& one) {
    const bool beneath = asked == one.path || asked.starts_with(one.path + "/");
    return one.use == use && beneath;
  });
}
std::string real_path(const std::string& path) { return path; }
std::string core_folder() { return {}; }
void omit_from_core(std::byte* /*memory*/, std::size_t /*bytes*/) noexcept {}
// There are no other processes here.
Opened listen_packets(const char* /*path*/) noexcept { return {Fd{}, EADDRNOTAVAIL}; }
Opened connect_packets(const char* /*path*/) noexcept { return {Fd{}, ENOENT}; }
Opened accept_packets(const Fd& /*listener*/) noexcept { return {Fd{}, EAGAIN}; }
int peer_of(const Fd& /*connection*/, Peer& /*out*/) noexcept { return ENOTCONN; }
std::uint32_t effective_user() noexcept { return 1000; }
int remove_socket(const char* /*path*/) noexcept { return ENOENT; }
FileId file_id(const char* /*path*/) noexcept { return {}; }
int remove_known(const char* /*path*/, const FileId& /*known*/) noexcept { return ENOENT; }
Io send_packet(const Fd& /*socket*/, std::string_view /*text*/,
               std::span<const int> /*descriptors*/) noexcept {
  return {Outcome::fail, EPIPE, 0};
}
Io receive_packet(const Fd& /*socket*/, std::string& /*text*/, std::vector<Fd>& /*descriptors*/) {
  return {Outcome::eof, 0, 0};
}
bool wait_readable(const Fd& /*socket*/, int /*timeout_ms*/) noexcept { return false; }
bool stdout_is_terminal() noexcept { return false; }
Opened open_terminal() noexcept { return {Fd{}, ENXIO}; }
Io read_keys(const Fd& /*terminal*/, std::span<char> /*into*/) noexcept { return {Outcome::eof, 0, 0}; }
TerminalSize terminal_size(const Fd& /*terminal*/) noexcept { return {}; }
int enter_screen(const Fd& /*terminal*/) noexcept { return ENOTTY; }
void leave_screen() noexcept {}
std::uint32_t process_id() noexcept { return 1; }
std::string build_id() { return "0123456789abcdef"; }
ProcessFigures process_figures() {
  World& world = World::current();
  return {1000 * world.now(), 4096, 8192, 9, world.descriptor_limit};
}
ThreadUsage thread_usage() noexcept { return {cpu_us(), 0}; }
std::uint64_t local_ms(std::uint64_t unix_ms) noexcept { return unix_ms; }
std::uint64_t wall_ms() noexcept { return 1'700'000'000'000 + World::current().now(); }

}  // namespace sys

// Plays a script. All calls of our side go through sys.hpp, on either kernel.
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <vector>

#include "scenarios.hpp"

namespace agreement {
namespace {

std::string error_name(int error) {
  const char* const name = ::strerrorname_np(error);
  return name == nullptr ? std::to_string(error) : name;
}

std::string failure(int error) { return error == EAGAIN ? "again" : "failed " + error_name(error); }
std::string success(int error) { return error == 0 ? "ok" : failure(error); }

std::string ending_text(Ending ending) {
  switch (ending) {
    case Ending::none: return "again";
    case Ending::end: return "end";
    case Ending::reset: return "reset";
  }
  return {};
}

std::string io_text(const sys::Io& io) {
  switch (io.outcome) {
    case sys::Outcome::done: return "done " + std::to_string(io.bytes);
    case sys::Outcome::again: return "again";
    case sys::Outcome::eof: return "end";
    case sys::Outcome::fail: return failure(io.error);
  }
  return {};
}

// The bytes of a direction repeat the alphabet: a lost, duplicated or reordered byte shows.
class Alphabet {
 public:
  std::string next(std::size_t count) {
    std::string out;
    while (out.size() < count) out += static_cast<char>('a' + at_++ % 26);
    return out;
  }

 private:
  unsigned at_ = 0;
};

constexpr std::size_t kPiece = std::size_t{64} << 10;
// More than a kernel buffers for one connection (tcp_wmem and tcp_rmem together are a few MiB).
constexpr std::size_t kTooMuch = std::size_t{64} << 20;

class Player {
 public:
  explicit Player(Stage& stage) : stage_(stage), poller_(sys::make_poller().fd) {}
  std::string play(std::string_view steps);

 private:
  using Words = std::vector<std::string>;
  using Verb = std::string (Player::*)(const Words&);
  // What a letter of a script names: our descriptor and the other end.
  struct End {
    sys::Fd fd;
    std::unique_ptr<Peer> peer;
    Alphabet up, down;
    bool linger0 = false;
    sys::Address place;             // listener
    std::deque<std::string> queue;  // listener: connections not accepted yet
  };

  static const std::map<std::string, Verb>& verbs();
  [[noreturn]] static void give_up(const std::string& why);
  static int number(const Words& words, std::size_t index, int otherwise);
  std::string run(const Words& words);
  void settle();
  End& at(const Words& words, std::size_t index = 1);
  static Peer& peer(End& end);
  sys::Io send_zeros(End& end, std::size_t count);
  static std::string seen(const sys::Event& event);

  std::string listen(const Words& words);
  std::string listen_again(const Words& words);
  std::string accept(const Words& words);
  std::string connect(const Words& words);
  std::string watch(const Words& words);
  std::string rearm(const Words& words);
  std::string wait(const Words& words);
  std::string receive(const Words& words);
  std::string transmit(const Words& words);
  std::string fill(const Words& words);
  std::string stuff(const Words& words);
  std::string pipe(const Words& words);
  std::string splice_in(const Words& words);
  std::string splice_out(const Words& words);
  std::string error(const Words& words);
  std::string shutdown(const Words& words);
  std::string linger(const Words& words);
  std::string close(const Words& words);
  std::string descriptor(const Words& words);
  std::string limit(const Words& words);
  std::string pair(const Words& words);
  std::string dial(const Words& words);
  std::string dial_in_vain(const Words& words);
  std::string host(const Words& words);
  std::string take(const Words& words);
  std::string relent(const Words& words);
  std::string vanish(const Words& words);
  std::string peer_send(const Words& words);
  std::string peer_read(const Words& words);
  std::string peer_error(const Words& words);
  std::string peer_drain(const Words& words);
  std::string peer_fin(const Words& words);
  std::string peer_close(const Words& words);
  std::string peer_reset(const Words& words);

  Stage& stage_;
  sys::Fd poller_;
  std::map<std::string, End> ends_;
  std::map<std::string, int> hosts_;
  sys::Pipe pipe_{};
  std::size_t piped_ = 0;  // bytes in it
};

const std::map<std::string, Player::Verb>& Player::verbs() {
  static const std::map<std::string, Verb> all{
      // ours; L is a listener, A a connection, H a host
      {"listen", &Player::listen},              // L [BACKLOG]
      {"listen-again", &Player::listen_again},  // L M: at the same address
      {"accept", &Player::accept},              // L A: A must have connected before all others
      {"connect", &Player::connect},            // H A
      {"watch", &Player::watch},                // A
      {"rearm", &Player::rearm},                // A
      {"wait", &Player::wait},                  // [MAX]: without sleeping; the events sorted by name
      {"receive", &Player::receive},            // A [MAX]
      {"transmit", &Player::transmit},          // A [BYTES]
      {"fill", &Player::fill},                  // A: until no more bytes are accepted
      {"stuff", &Player::stuff},                // A: one write larger than the buffers
      {"error", &Player::error},                // A: SO_ERROR
      {"shutdown", &Player::shutdown},          // A
      {"linger-0", &Player::linger},            // A
      {"close", &Player::close},                // A or L
      {"descriptor", &Player::descriptor},      // A: its number, counted from the poller's
      {"limit", &Player::limit},                // N: no descriptor that is N or more after the poller's
      {"pair", &Player::pair},  // A: connected and accepted, by a listener of its own that is closed again
      {"pipe", &Player::pipe},  // the script's only one
      {"splice-in", &Player::splice_in},    // A [MAX]: from A into the pipe
      {"splice-out", &Player::splice_out},  // A [BYTES]: to A, all bytes in the pipe or fewer
      // theirs
      {"dial", &Player::dial},                  // L A
      {"dial-in-vain", &Player::dial_in_vain},  // L A: the backlog is full
      {"host", &Player::host},                  // H accepts|refuses|swallows
      {"take", &Player::take},                  // H A: accepts our connection
      {"relent", &Player::relent},              // H
      {"vanish", &Player::vanish},              // H
      {"peer-send", &Player::peer_send},        // A [BYTES]
      {"peer-read", &Player::peer_read},        // A
      {"peer-error", &Player::peer_error},      // A: has RST arrived? Use before peer-read
      {"peer-drain", &Player::peer_drain},      // A
      {"peer-fin", &Player::peer_fin},          // A
      {"peer-close", &Player::peer_close},      // A
      {"peer-reset", &Player::peer_reset},      // A
  };
  return all;
}

// An invalid script is an error on both kernels.
void Player::give_up(const std::string& why) {
  std::cout.flush();
  std::cerr << "agreement: " << why << '\n';
  std::exit(2);
}

int Player::number(const Words& words, std::size_t index, int otherwise) {
  if (index >= words.size()) return otherwise;
  const std::string& word = words[index];
  int value = 0;
  if (std::from_chars(word.data(), word.data() + word.size(), value).ec != std::errc{})
    give_up("not a number: " + word);
  return value;
}

Player::End& Player::at(const Words& words, std::size_t index) {
  if (index >= words.size()) give_up("a name is missing after " + words[0]);
  const auto found = ends_.find(words[index]);
  if (found == ends_.end()) give_up("unknown name: " + words[index]);
  return found->second;
}

Peer& Player::peer(End& end) {
  if (!end.peer) give_up("it has no peer");
  return *end.peer;
}

void Player::settle() {
  std::vector<Peer*> peers;
  for (const auto& [name, end] : ends_)
    if (end.peer) peers.push_back(end.peer.get());
  stage_.settle(peers);
}

std::string Player::run(const Words& words) {
  const auto verb = verbs().find(words[0]);
  if (verb == verbs().end()) give_up("no such verb: " + words[0]);
  std::string result = (this->*verb->second)(words);
  settle();
  return result;
}

std::string Player::play(std::string_view steps) {
  std::istringstream all{std::string{steps}};
  std::string out;
  for (std::string step; std::getline(all, step, ';');) {
    std::istringstream split{step};
    Words words;
    std::string line = " ";
    for (std::string word; split >> word; line += " " + word) words.push_back(word);
    if (!words.empty()) out += line + ": " + run(words) + '\n';
  }
  return out;
}

// ---- ours ------------------------------------------------------------------------------------------------

std::string Player::listen(const Words& words) {
  End& end = ends_[words.at(1)];
  sys::Opened opened = sys::listen(stage_.free_place(), number(words, 2, 16));
  end.fd = std::move(opened.fd);
  if (end.fd) end.place = sys::local_address(end.fd);
  return success(opened.error);
}

std::string Player::listen_again(const Words& words) {
  sys::Opened opened = sys::listen(at(words).place, 16);
  ends_[words.at(2)].fd = std::move(opened.fd);
  return success(opened.error);
}

std::string Player::accept(const Words& words) {
  End& listener = at(words);
  sys::Address from;
  sys::Opened opened = sys::accept(listener.fd, from);
  if (!opened.fd) return failure(opened.error);
  if (listener.queue.empty() || listener.queue.front() != words.at(2))
    give_up(words.at(2) + " is not the next one");
  listener.queue.pop_front();
  End& end = at(words, 2);
  end.fd = std::move(opened.fd);
  end.peer->joined(end.fd.get());
  return from.is_loopback() ? "ok" : "from elsewhere";
}

std::string Player::connect(const Words& words) {
  End& end = ends_[words.at(2)];
  const int host = hosts_.at(words.at(1));
  end.peer = stage_.expected(host);
  sys::Opened opened = sys::connect(stage_.place_of(host));
  end.fd = std::move(opened.fd);
  end.peer->joined(end.fd.get());
  return success(opened.error);
}

std::string Player::watch(const Words& words) {
  return success(sys::watch(poller_, at(words).fd.get(), static_cast<unsigned char>(words[1][0])));
}

std::string Player::rearm(const Words& words) {
  return success(sys::rearm(poller_, at(words).fd.get(), static_cast<unsigned char>(words[1][0])));
}

// `sys::Event` does not distinguish EPOLLERR from EPOLLHUP; `error` does.
std::string Player::seen(const sys::Event& event) {
  std::string out{static_cast<char>(event.token)};
  if (event.readable) out += " readable";
  if (event.writable) out += " writable";
  if (event.finished) out += " finished";
  if (event.hung) out += " hung";
  return out;
}

std::string Player::wait(const Words& words) {
  std::array<sys::Event, 16> events;
  const auto most = static_cast<std::size_t>(number(words, 1, 16));
  const std::size_t count = sys::wait(poller_, std::span{events}.first(most), 0).count;
  std::vector<std::string> lines;
  for (const sys::Event& event : std::span{events}.first(count)) lines.push_back(seen(event));
  std::sort(lines.begin(), lines.end());  // their order is unspecified
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : ", ") + line;
  return out.empty() ? "nothing" : out;
}

std::string Player::receive(const Words& words) {
  std::vector<std::byte> into(static_cast<std::size_t>(number(words, 2, 100)));
  const sys::Io io = sys::receive(at(words).fd, into);
  std::string text = io_text(io);
  if (io.outcome == sys::Outcome::done)
    text += " " + std::string{reinterpret_cast<char*>(into.data()), io.bytes};
  return text;
}

std::string Player::transmit(const Words& words) {
  End& end = at(words);
  const std::string bytes = end.down.next(static_cast<std::size_t>(number(words, 2, 5)));
  const sys::Io io = sys::transmit(end.fd, std::as_bytes(std::span{bytes}));
  if (io.outcome == sys::Outcome::done) peer(end).ours_sent();
  return io_text(io);
}

sys::Io Player::send_zeros(End& end, std::size_t count) {
  static const std::vector<std::byte> zeros(kTooMuch);
  return sys::transmit(end.fd, std::span{zeros}.first(count));
}

// The number of bytes depends on the kernel. After `again` an ACK may make room: the connection is full only
// when no ACK can arrive.
std::string Player::fill(const Words& words) {
  End& end = at(words);
  for (bool more = true; more;) {
    more = false;
    sys::Io io = send_zeros(end, kPiece);
    for (; io.outcome == sys::Outcome::done; io = send_zeros(end, kPiece)) more = true;
    if (io.outcome != sys::Outcome::again) return io_text(io);
    peer(end).ours_is_full();
  }
  return "full";
}

std::string Player::stuff(const Words& words) {
  End& end = at(words);
  const sys::Io io = send_zeros(end, kTooMuch);
  if (io.outcome != sys::Outcome::done) return io_text(io);
  peer(end).ours_is_full();
  return io.bytes < kTooMuch ? "done, but less than asked" : "done";
}

std::string Player::pipe(const Words& /*words*/) {
  pipe_ = sys::make_pipe();
  return success(pipe_.error);
}

std::string Player::splice_in(const Words& words) {
  const sys::Io io = sys::splice_in(at(words).fd, pipe_.in, static_cast<std::size_t>(number(words, 2, 100)));
  piped_ += io.bytes;
  return io_text(io);
}

std::string Player::splice_out(const Words& words) {
  if (piped_ == 0) give_up("there is nothing in the pipe");
  End& end = at(words);
  const auto bytes = static_cast<std::size_t>(number(words, 2, static_cast<int>(piped_)));
  const sys::Io io = sys::splice_out(pipe_.out, end.fd, bytes);
  piped_ -= io.bytes;
  if (io.outcome == sys::Outcome::done) peer(end).ours_sent();
  return io_text(io);
}

std::string Player::error(const Words& words) {
  const int error = sys::socket_error(at(words).fd);
  return error == 0 ? "none" : error_name(error);
}

std::string Player::shutdown(const Words& words) {
  End& end = at(words);
  sys::shutdown_write(end.fd);
  peer(end).ours_shut();
  return "ok";
}

std::string Player::linger(const Words& words) {
  End& end = at(words);
  sys::reset_on_close(end.fd);
  end.linger0 = true;
  return "ok";
}

std::string Player::close(const Words& words) {
  End& end = at(words);
  for (const std::string& waiting : end.queue) peer(ends_.at(waiting)).ours_is_dropped();
  end.queue.clear();
  if (end.peer) end.peer->ours_closes(end.linger0);
  end.fd.reset();
  return "ok";
}

std::string Player::descriptor(const Words& words) {
  return std::to_string(at(words).fd.get() - poller_.get());
}

std::string Player::limit(const Words& words) {
  stage_.limit_descriptors(poller_.get() + number(words, 1, 0));
  return "ok";
}

// ---- theirs ----------------------------------------------------------------------------------------------

std::string Player::pair(const Words& words) {
  const std::string& name = words.at(1);
  const std::string listener = "listener of " + name;
  listen({"listen", listener});
  dial({"dial", listener, name});
  settle();
  std::string result = accept({"accept", listener, name});
  ends_.erase(listener);
  return result;
}

std::string Player::dial(const Words& words) {
  End& listener = at(words);
  std::unique_ptr<Peer> peer = stage_.dial(listener.fd.get(), listener.place, true);
  if (!peer) return "refused";
  ends_[words.at(2)].peer = std::move(peer);
  listener.queue.push_back(words[2]);
  return "ok";
}

std::string Player::dial_in_vain(const Words& words) {
  End& listener = at(words);
  return stage_.dial(listener.fd.get(), listener.place, false) ? "taken" : "dropped";
}

std::string Player::host(const Words& words) {
  const Manner manner = words.at(2) == "accepts"   ? Manner::accepts
                        : words.at(2) == "refuses" ? Manner::refuses
                                                   : Manner::swallows;
  hosts_[words[1]] = stage_.add_host(manner);
  return "ok";
}

std::string Player::take(const Words& words) {
  stage_.take(hosts_.at(words.at(1)), peer(at(words, 2)));
  return "ok";
}

std::string Player::relent(const Words& words) {
  stage_.relent(hosts_.at(words.at(1)));
  return "ok";
}

std::string Player::vanish(const Words& words) {
  stage_.vanish(hosts_.at(words.at(1)));
  return "ok";
}

std::string Player::peer_send(const Words& words) {
  End& end = at(words);
  return peer(end).send(end.up.next(static_cast<std::size_t>(number(words, 2, 5)))) ? "ok" : "failed";
}

std::string Player::peer_read(const Words& words) {
  const ReadResult heard = peer(at(words)).read();
  return heard.bytes + (heard.bytes.empty() ? "" : " ") + ending_text(heard.ending);
}

std::string Player::peer_error(const Words& words) {
  return peer(at(words)).broken() ? "RST has come" : "none";
}

std::string Player::peer_drain(const Words& words) { return ending_text(peer(at(words)).drain()); }

std::string Player::peer_fin(const Words& words) {
  peer(at(words)).finish();
  return "ok";
}

std::string Player::peer_close(const Words& words) {
  peer(at(words)).close();
  return "ok";
}

std::string Player::peer_reset(const Words& words) {
  peer(at(words)).reset();
  return "ok";
}

}  // namespace

std::string play(const Scenario& scenario, Stage& stage) { return Player{stage}.play(scenario.steps); }

}  // namespace agreement

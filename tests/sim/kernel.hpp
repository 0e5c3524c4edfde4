// A simulated kernel: TCP, epoll, a clock, signals and logs, behind sys.hpp.
// Each choice of a real kernel (how many bytes, in which order, when) is made by a `Chooser`: a history is
// replayed from a seed, or all histories of a small world are enumerated. tests/agreement compares it with
// Linux.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../../src/net/name_source.hpp"
#include "../../src/sys/raw.hpp"
#include "../../src/sys/service.hpp"
#include "../../src/sys/sandbox.hpp"
#include "../../src/sys/user.hpp"

namespace sim {

// Files by path, for all worlds; the name of a directory ends in "/". A test adds them.
extern std::map<std::string, std::string> files;

class Chooser {
 public:
  virtual ~Chooser() = default;
  // A number below `n`; n > 0.
  virtual std::uint32_t choose(std::uint32_t n) = 0;
  // True once in `n` times.
  bool once_in(std::uint32_t n) { return n != 0 && choose(n) == n - 1; }
  // From 1 to `n`.
  virtual std::size_t some(std::size_t n) { return 1 + choose(static_cast<std::uint32_t>(n)); }
};

// How adverse the kernel is.
struct Temper {
  std::uint32_t short_io = 3;    // one in so many reads or writes is short; 0: never
  std::uint32_t split = 3;       // one in so many deliveries is partial; 0: never
  std::uint32_t error = 0;       // one in so many calls fails; 0: never
  std::uint32_t linger = 2;      // one in so many waits lets the world move on while events are due; 0: never
  std::uint32_t overtake = 0;    // after one in so many reads of all bytes, more arrive in the same turn; 0: never
  std::size_t send_room = 4096;  // bytes a connection holds in each direction
};

// The system calls that can be made to fail.
enum class Call : std::uint8_t {
  receive,
  transmit,
  accept,
  connect,
  watch,
  listen,
  append,
  open,
  lookup,
  pipe,
  resize_pipe,
  splice,
  count
};

// One direction of a connection.
struct Stream {
  std::string flight;   // sent, not arrived
  std::string arrived;  // arrived, not read
  bool fin_sent = false;
  bool fin_arrived = false;
};

// A connection between the program and a remote host, which the test plays.
struct Connection {
  enum class Phase : std::uint8_t { connecting, black_hole, refused, open };
  int id = 0;
  Phase phase = Phase::connecting;
  Stream up;    // remote -> program
  Stream down;  // program -> remote
  std::size_t room = 4096;
  // the program's end
  bool closed = false;  // by close(2)
  bool shut = false;    // SHUT_WR
  bool linger0 = false;
  bool no_space = false;        // a write was short: room makes an edge
  bool dead = false;            // RST has come, or the connection failed
  int error = 0;                // SO_ERROR
  bool rst_to_program = false;  // on its way
  // the remote's end
  bool remote_closed = false;
  bool remote_reset = false;  // RST from the program has arrived there
  bool rst_to_remote = false;
  bool accepted = false;        // the remote (or the program) has taken it
  bool turned_away = false;     // accepted for lack of a descriptor, by one in reserve, and not watched
  sys::Address to;              // the address that was connected to
  sys::Address from;            // a client's, without its port
  std::uint64_t answer_at = 0;  // connecting, refused: ms; before, the answer to the SYN is still on its way
  // Later bytes of the remote host answer no request, if the program has written only up to there.
  std::size_t unasked_from = ~std::size_t{0};
  std::size_t asked_up_to = 0;
  std::string offered_behind;         // later bytes that the program tried to write, accepted or not
  std::size_t offered_from = 0;       // the position of the first in all that it has written
  std::size_t read = 0, written = 0;  // by the program
  bool has_edition = false;           // the client's configuration is known
  std::size_t edition = 0;            // its number (see Editions)
};
using ConnectionPtr = std::shared_ptr<Connection>;

class World {
 public:
  World(Chooser& chooser, const Temper& temper) : chooser_(chooser), temper_(temper) {}
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  static World& current();   // the one that sys:: works on
  static bool is_entered();  // there is one: the parsers of files need none
  void enter();              // makes it the current one
  void leave();

  // ---- the remote hosts, played by the test ----
  // A remote host listens there. Connections are in `arrivals`, in order.
  struct Host {
    sys::Address address;
    enum class Manner : std::uint8_t { accepts, refuses, swallows } manner = Manner::accepts;
    std::deque<ConnectionPtr> arrivals;
    std::uint64_t delay_ms = 0;  // until it accepts or refuses
  };
  Host& host(const sys::Address& address, Host::Manner manner, std::uint64_t delay_ms = 0);
  // Null: refused, or the backlog is full.
  ConnectionPtr connect_to_program(std::uint16_t port, const sys::Address& from);
  ConnectionPtr connect_to_program(std::uint16_t port) { return connect_to_program(port, peer_address); }
  std::size_t remote_send(Connection& connection, std::string_view bytes);  // returns the bytes accepted
  std::string remote_read(Connection& connection, std::size_t most);
  void remote_shutdown(Connection& connection);
  void remote_close(Connection& connection);
  void remote_rst(Connection& connection);

  // Actions besides deliveries, in any order: each returns true if it did anything.
  std::vector<std::function<bool()>> actors;
  // The next time at which an actor acts by itself; 0: never.
  std::function<std::uint64_t()> next_actor_time = [] { return std::uint64_t{0}; };
  // Called when nothing moves and the program would sleep without a timeout. True: something was changed.
  std::function<bool()> when_still = [] { return false; };

  // Called when the program is about to sleep.
  std::function<void()> before_sleep = [] {};

  void send_signal(sys::Signal kind) {
    signals_pending_.insert(kind);
    notify(signals_fd_);
  }
  std::map<std::string, net::Found> names;          // DNS answers; other hosts are not found
  std::set<std::string> unanswered;                 // hosts whose name server is silent
  std::vector<sys::Address> own_addresses;          // of the interfaces
  sys::Address peer_address = sys::loopback4(0);    // of the clients, whose ports differ
  std::set<std::uint16_t> taken_ports;              // in use by another program
  std::uint32_t reloads_heard = 0;                  // reload signals that the program has read
  std::size_t edition = 0;                          // the number of the configuration in force
  std::map<std::string, sys::Address> local_hosts;  // Unix socket paths and the hosts behind them

  // ---- the failure loop ----
  std::vector<std::uint32_t> calls_made = std::vector<std::uint32_t>(static_cast<std::size_t>(Call::count));
  struct Failure {
    Call call;
    std::uint32_t nth;  // from 0
    int error;
    std::uint64_t until = ~std::uint64_t{0};  // ms; later nothing fails
  };
  std::optional<Failure> failure;

  // ---- the work of a turn ----
  // What calls cost by this kernel's own prices, in units of about a microsecond, between two waits.
  struct Price {
    static constexpr std::uint64_t kFileOpened = 5, kNameListed = 3, kDnsMessage = 5;
    static constexpr std::size_t kFileBytes = 4096, kConfigurationBytes = 100;  // for one unit
  };
  // A turn has 10,000 units, and exceeds them at most by the share of one record and by its last piece.
  static constexpr std::uint64_t kWorkMax = 10'000 + 2'048 + 4'096;
  std::uint64_t work_max = ~std::uint64_t{0};  // more in one turn is a fault
  void charge(std::uint64_t units);
  // The program computes a password hash; meanwhile the clock goes on. A second one in a turn is a fault.
  void hash(std::uint64_t ms);
  std::size_t hashes = 0;  // computed so far

  // ---- queries ----
  [[nodiscard]] std::uint64_t now() const { return now_; }
  [[nodiscard]] std::size_t descriptors() const;
  [[nodiscard]] std::size_t sockets() const;
  [[nodiscard]] std::size_t listeners() const;
  [[nodiscard]] std::size_t pipe_ends() const;
  [[nodiscard]] std::size_t open_nodes() const;  // open files and directories
  [[nodiscard]] std::size_t bytes_in_pipes() const;
  // True if bytes or the end of stream were reported for the open connection.
  [[nodiscard]] bool has_spoken(int fd) const;
  [[nodiscard]] std::vector<int> open_sockets() const;
  [[nodiscard]] const Connection& connection(int fd) const {
    return *files_[static_cast<std::size_t>(fd) - 3]->connection;
  }
  [[nodiscard]] const std::vector<ConnectionPtr>& connections() const { return connections_; }
  // Bytes read by the program, without those after its own FIN, which are discarded or a tunnel's, and those
  // of clients that are turned away.
  std::size_t read_in_all = 0;
  // An event of the connection, or of the listener at which it waits, is not reported yet.
  [[nodiscard]] bool event_due(const Connection& connection) const;
  [[nodiscard]] bool still() const;  // no byte is in flight
  void settle() {                    // delivers all bytes in flight
    while (step()) {
    }
  }
  void play_out();     // after the program has ended: runs the actors until none acts
  std::string broken;  // the first invariant broken; empty: none. Calls stay harmless afterwards.
  void fault(const std::string& what);
  std::string log;
  std::string record_file;  // what `write_all` has written
  // Made by `create_file` and `replace_file`: by path, the inode.
  std::map<std::string, std::uint64_t> made_files;
  std::string complaints;
  std::size_t descriptor_limit = 256;
  bool lens_limits_descriptors = false;  // its EMFILE does not come from here
  sys::ServiceManager service_manager;     // that has started the program
  std::vector<sys::PassedSocket> passed_sockets;  // by it
  sys::ListenerFault passed_fault = sys::ListenerFault::none;  // of each
  std::vector<std::string> notifications;  // that it got
  sys::Identity identity{1000, 1000};      // of the program
  int sandbox_error = 0;                   // of sys::check_sandbox
  int landlock_error = 0;                  // of sys::restrict_files
  std::vector<sys::UsedPath> allowed_paths;  // that it was called with
  bool calls_are_limited = false;            // sys::restrict_calls was called
  std::uint64_t waits = 0;
  std::size_t events_handed_out = 0;  // by the last wait

  // ---- served files: a tree in memory (files.cpp) ----
  struct Node {
    sys::FileStatus status;
    std::string text;  // of a link: where it leads
  };
  // By absolute path, without a final "/". A new node replaces the old one and is another file.
  std::map<std::string, std::shared_ptr<Node>> tree;
  Node& put_file(const std::string& path, const std::string& text, std::int64_t changed_s = 1'600'000'000);
  Node& put_node(const std::string& path, sys::FileStatus::Kind kind, const std::string& text,
                 std::int64_t changed_s);
  std::size_t files_opened = 0, files_looked_at = 0, files_read = 0;  // calls
  std::size_t names_listed = 0;

  // ---- the calls behind sys:: ----
  sys::Opened make_file(const char* path);
  int remove_file(const char* path, std::uint64_t inode);
  int allocate();
  void close(int fd);
  sys::Io receive(int fd, std::span<std::byte> into);
  sys::Io transmit(int fd, std::span<const std::byte> from);
  sys::Pipe make_pipe();
  int resize_pipe(int pipe, std::size_t bytes);
  sys::Io splice_in(int socket, int pipe, std::size_t most);
  sys::Io splice_out(int pipe, int socket, std::size_t bytes);
  sys::Opened listen(const sys::Address& address, int backlog);
  sys::Opened accept(int fd, sys::Address& peer);
  sys::Opened connect(const sys::Address& address);
  int socket_error(int fd);
  sys::Address local_address(int fd);
  void shutdown_write(int fd);
  void reset_on_close(int fd);
  sys::Opened make_poller();
  int watch(int fd, std::uint64_t token, bool again);
  sys::Waited wait(std::span<sys::Event> into, int timeout_ms);
  void level(sys::Level& level);
  bool figures(int fd, sys::SocketFigures& out);
  sys::Opened make_signalfd();
  sys::Signal next_signal();
  sys::Opened open_log();
  sys::Io append(int fd, std::span<const char> text);
  sys::Io send_datagram(int fd, std::span<const char> text);

  sys::Opened open_directory(const std::string& path);
  sys::Opened open_file(const std::string& path);
  sys::Opened open_beneath(int folder, const std::string& path, sys::Access access);
  int status_of(int fd, sys::FileStatus& status);
  sys::Io read_at(int fd, std::uint64_t offset, std::span<std::byte> into);
  int read_directory(int fd, std::vector<sys::DirectoryEntry>& out, bool& end);

  Chooser& chooser() { return chooser_; }
  bool fails(Call call, std::span<const int> errors, int& error);

  // The name source's.
  int open_names();
  std::deque<std::string> asked;
  bool names_changed = false;  // the system's configuration has changed
  std::deque<net::Found> answered;

 private:
  struct PipeBuffer {
    std::string bytes;
    std::size_t capacity = sys::kPipeBytes;
  };
  struct Description {
    enum class Kind : std::uint8_t {
      socket,
      listener,
      poller,
      signals,
      names,
      log,
      pipe_in,
      pipe_out,
      file
    } kind;
    ConnectionPtr connection;           // socket
    std::deque<ConnectionPtr> backlog;  // listener
    std::shared_ptr<PipeBuffer> pipe;   // both ends of a pipe
    std::size_t backlog_most = 0;       // listener
    sys::Address address;
    std::string path;            // file, folder
    std::uint64_t inode = 0;     // log: a file that the program has made
    std::shared_ptr<Node> node;  // file, folder
    std::string listed;          // folder: the last path that was read
    std::uint64_t token = 0;
    bool watched = false;
    bool queued = false;
  };
  struct Mask {
    bool in = false, out = false, finished = false, hung = false, error = false;
    [[nodiscard]] bool any() const { return in || out || finished || hung || error; }
  };

  Description& at(int fd);
  int describe(Description::Kind kind);
  Connection& connection(int fd, const char* call);
  sys::Io take(Connection& connection, std::size_t most, std::string& into);
  sys::Io put(Connection& connection, std::string_view bytes);
  sys::Opened open_node(const std::string& path, const std::shared_ptr<Node>& node);
  Description* of(const Connection& connection);
  Mask poll(const Description& file) const;
  void notify(int fd);
  void notify(const Connection& connection);
  bool step();  // one action; false: none is possible
  void deliver_up(Connection& connection);
  void deliver_down(Connection& connection);
  void kill(Connection& connection, int error);
  bool answer_names();
  std::size_t hand_out(std::span<sys::Event> into);
  [[nodiscard]] static bool moves_up(const Connection& connection);
  [[nodiscard]] bool moves(const Connection& connection) const;
  [[nodiscard]] std::uint64_t next_handshake() const;  // ms; the largest number: none is on its way
  [[nodiscard]] std::size_t room(const Connection& connection) const;

  Chooser& chooser_;
  Temper temper_;
  std::uint64_t now_ = 1'000'000;
  std::uint64_t work_ = 0;         // in this turn
  std::size_t hashes_before_ = 0;  // this turn
  std::vector<std::unique_ptr<Description>> files_;
  std::vector<int> queue_;  // descriptors whose edge is due
  std::vector<ConnectionPtr> connections_;
  std::deque<Host> hosts_;
  int signals_fd_ = -1;
  int names_fd_ = -1;
  std::set<sys::Signal> signals_pending_;  // each kind once at most
  int ids_ = 0;
  bool accept_lacked_descriptor_ = false;  // the last one
  std::uint64_t inodes_ = 0;
  Description none_;
};

}  // namespace sim

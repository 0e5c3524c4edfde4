// The routes from the proxy to an origin: its addresses, each with its own behaviour, and a parent proxy
// between them. The expected results are written from RFC 8305, RFC 9110, RFC 1928, RFC 1929 and the README.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "kernel.hpp"

namespace sim {

// ---- addresses -------------------------------------------------------------------------------------------

// The result of a connection to one address: accepted or refused, perhaps late, or no reply. No delay
// is longer than the connect timeout of the last address.
struct Spot {
  World::Host::Manner manner = World::Host::Manner::accepts;
  std::uint64_t delay_ms = 0;
};
using Spots = std::vector<Spot>;

Spots draw_spots(Chooser& chooser);  // 2 to 4
std::string describe(const Spots& spots);
// 0: one of them accepts in time. Else the status of the proxy's response; an address without reply is waited for.
int status_of(const Spots& spots);
std::vector<World::Host*> put_hosts(World& world, std::size_t index, std::uint16_t port, const Spots& spots);
net::Found found_at(std::size_t index, std::size_t count);  // the addresses of so many spots

// ---- a parent --------------------------------------------------------------------------------------------

struct ParentPlan {
  enum class Kind : std::uint8_t { none, http, socks5 };
  // What it does instead of one of its handshake messages, on each connection.
  enum class Manner : std::uint8_t {
    serves,     // sends all messages
    refuses,    // refuses
    closes,     // closes
    resets,     // resets
    silent,     // sends nothing more
    malformed,  // sends a malformed message
    talkative,  // sends more bytes after the message
  };
  Kind kind = Kind::none;
  Manner manner = Manner::serves;
  std::uint32_t word = 0;   // which message, from 0; the last if there are fewer
  bool local = false;       // on a Unix socket
  bool by_name = false;
  bool login = false;       // the proxy has credentials
  bool asks_login = false;  // SOCKS requests them
  Spots spots{Spot{}};      // one, unless `by_name`
  // For requests in absolute form: see HousePlan.
  std::uint32_t serves = 0;
  std::uint64_t idle_ms = 0;
  bool resets = false;
};

inline constexpr std::size_t kParentIndex = 250;  // of its addresses
inline constexpr std::uint16_t kParentPort = 3128;
inline constexpr const char* kParentPath = "/run/parent";
inline constexpr const char* kParentName = "parent.test";
inline constexpr const char* kParentUser = "joe";
inline constexpr const char* kParentPassword = "secret";

ParentPlan draw_parent(Chooser& chooser);
std::string describe(const ParentPlan& parent);

// The request target that this parent, or the host itself, must receive, and the field with the credentials.
std::string target_expected(const ParentPlan& parent, const std::string& host, const std::string& path);
std::string login_expected(const ParentPlan& parent);

// A target that a parent can be asked for.
struct Target {
  std::string host;
  std::uint16_t port = 80;
  int reply = 0;  // of RFC 1928 section 6; -1: no reply
};
// 0: a connection through this parent succeeds. Else the status of the proxy's response.
int status_of(const ParentPlan& parent, bool tunnel, int reply);

// The parent: plays its handshake, then passes the connection to the actor of the host.
class Gate {
 public:
  // The target's number, and the bytes of a request in absolute form received so far.
  using HandOver = std::function<void(std::size_t target, const ConnectionPtr& connection, const std::string& begun)>;
  Gate(World& world, const ParentPlan& plan, std::vector<Target> targets, HandOver hand_over);
  bool act();
  // Takes a connection back, for another handshake.
  void take_back(const ConnectionPtr& connection) { talks_.push_back({.connection = connection, .heard = {}, .out = {}}); }

  std::size_t said = 0;     // bytes of its handshake messages, on all connections
  std::size_t led_on = 0;  // connections passed on to a host

 private:
  enum class Stage : std::uint8_t { first, login, request };
  enum class Then : std::uint8_t { next, lead_on, wait, close };
  struct Talk {
    ConnectionPtr connection;
    Stage stage = Stage::first;
    std::string heard, out;
    std::size_t sent = 0, target = 0;
    bool speaking = false;  // it replies to a complete message
    std::size_t word = 0;   // bytes of `out` to send before the proxy may go on
    Then then = Then::next;
    bool over = false;
  };
  bool act(Talk& talk);
  bool hear(Talk& talk);
  bool hear_http(Talk& talk);
  bool hear_word(Talk& talk, const std::vector<std::string>& words);
  void answer(Talk& talk);
  bool speak(Talk& talk);
  void close(Talk& talk, bool by_reset);
  [[nodiscard]] std::vector<std::string> requests() const;
  [[nodiscard]] bool is_last(const Talk& talk) const;
  std::string good_word(Talk& talk);
  std::string refusal(const Talk& talk);
  std::string malformed(const Talk& talk);
  std::string no_word(int reply);

  World& world_;
  const ParentPlan& plan_;
  std::vector<Target> targets_;
  HandOver hand_over_;
  std::vector<World::Host*> hosts_;
  std::deque<Talk> talks_;
};

}  // namespace sim

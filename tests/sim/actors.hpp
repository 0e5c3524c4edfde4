// The remote hosts of a history, and what each of them must receive: a reference model written from the RFCs and the
// README, which knows nothing of the proxy's code.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "ways.hpp"

namespace sim {

using Headers = std::vector<std::pair<std::string, std::string>>;

// A client's request and behaviour.
struct ClientPlan {
  enum class Manner : std::uint8_t {
    plain,       // sends, reads to the end
    half_close,  // sends, closes its sending side, reads to the end
    vanish,      // closes after `cut` bytes sent
    reset,       // resets after `cut` bytes sent
    stop,        // reads `cut` bytes, then nothing for a while, then the rest
    leave,       // reads `cut` bytes and closes
    surplus,     // sends more bytes after the request
    silent,      // sends nothing
    garbage,     // sends bytes that are not HTTP
    stall,       // sends `cut` bytes and then nothing more
    raw,         // sends `body` and nothing else, closes its sending side if `cut` is odd; never drawn
  };
  Manner manner = Manner::plain;
  std::string method = "GET";
  std::string path = "/";
  bool http11 = false;
  bool expects_continue = false;
  Headers headers;
  std::string body;
  bool has_body = false;
  std::size_t cut = 0;
  std::uint64_t pause_ms = 0;  // before the first byte
};

// An origin's response and behaviour.
struct OriginPlan {
  enum class Manner : std::uint8_t {
    answers,    // reads the whole request, responds, closes
    keeps,      // the same, but the proxy closes
    early,      // responds after the request head; if `cut` is odd it closes then, and RST follows the response
    refuses,    // connection refused
    swallows,   // does not complete the TCP handshake
    unknown,    // host not found
    nameless,   // the name server never answers
    closes,     // closes without a response
    resets,     // resets without a response
    cuts,       // closes after `cut` bytes of the response
    breaks,     // resets after `cut` bytes of the response
    silent,     // reads the request and never responds
    deaf,       // never reads
    garbage,    // responds with bytes that are not HTTP
    second,     // listens on its second address only
    raw,        // sends `body` only, whatever it receives, and closes; never drawn
  };
  enum class Framing : std::uint8_t { length, eof, chunked };
  Manner manner = Manner::answers;
  Framing framing = Framing::length;
  int status = 200;
  int interims = 0;
  Headers headers;
  std::string body;
  std::size_t cut = 0;
  std::vector<std::size_t> chunks;  // sizes of the chunks; the rest is the last one
  Spots spots;                      // of its addresses; none: as `manner` says
};

struct Pair {
  ClientPlan client;
  OriginPlan origin;
  bool by_name = false;
};

// ---- the reference model ----
std::string host_of(std::size_t index, bool by_name);          // the authority in the URL
std::string request_sent(const Pair& pair, std::size_t index);       // by the client
std::string request_expected(const Pair& pair, std::size_t index, const ParentPlan& parent = {});  // at the origin
std::string response_sent(const Pair& pair);                         // by the origin
std::string response_expected(const Pair& pair);                     // at the client
bool knows_length(const Pair& pair);  // the client knows the response's length from the head
Target target_of(const Pair& pair, std::size_t index);  // as a parent receives it
int status_of_way(const Pair& pair, const ParentPlan& parent);  // 0: the request reaches the origin; else the status of the proxy's response

class Client {
 public:
  Client(World& world, const Pair& pair, std::size_t index);
  bool act();
  [[nodiscard]] std::uint64_t next_time() const { return waiting_until_; }
  [[nodiscard]] bool finished() const { return over_; }
  // The configuration that accepted or refused it.
  [[nodiscard]] std::size_t edition() const { return connection_ ? connection_->edition : refused_in_; }

  std::string got;
  bool saw_eof = false;
  bool saw_reset = false;
  bool left = false;  // by itself
  bool refused = false;

 private:
  bool send();
  bool read();
  void leave(bool by_reset);

  World& world_;
  const ClientPlan& plan_;
  std::string request_;
  std::size_t sent_ = 0, refused_in_ = 0;
  ConnectionPtr connection_;
  bool over_ = false;
  bool shut_ = false;
  bool stopped_ = false;
  std::uint64_t waiting_until_ = 0;
};

class Origin {
 public:
  Origin(World& world, const Pair& pair, std::size_t index, const ParentPlan& parent);
  bool act();
  // Takes over a connection from a parent; `got` has already arrived.
  void take_over(const ConnectionPtr& connection, const std::string& begun);

  std::string got;
  int connections = 0;
  bool over = false;

 private:
  bool read();
  bool answer();
  bool attend();
  void listen(const Pair& pair, std::size_t index);

  World& world_;
  const OriginPlan& plan_;
  std::vector<World::Host*> hosts_;
  std::vector<ConnectionPtr> untried_;  // with several addresses: connections without a byte
  std::string response_;
  std::size_t request_length_;
  std::size_t head_length_;
  std::size_t sent_ = 0;
  ConnectionPtr connection_;
};

}  // namespace sim

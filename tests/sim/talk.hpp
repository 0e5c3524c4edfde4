// Clients and origins with keep-alive connections: several requests on each, tunnels, upgrades; and what each side
// must receive, written from the RFCs and the README.
#pragma once
#include <deque>
#include <functional>

#include "actors.hpp"

namespace sim {

// An origin's response to one request.
struct Answer {
  enum class Manner : std::uint8_t {
    whole,    // after the whole request
    early,    // after the head; if `cut` is odd and it closes, it closes at once
    surplus,  // sends more bytes after the response
    closes,   // closes without a response
    resets,   // resets without a response
    cuts,     // closes after `cut` bytes of the response
    breaks,   // resets after `cut` bytes of the response
    silent,   // never responds
    garbage,  // responds with bytes that are not HTTP
  };
  Manner manner = Manner::whole;
  OriginPlan::Framing framing = OriginPlan::Framing::length;
  int status = 200;
  int interims = 0;
  bool continues = false;   // sends 100 if the client expects it
  bool says_close = false;  // and closes
  bool agrees = false;      // accepts the upgrade
  bool apart = false;       // surplus: never in one packet with the response
  Headers headers;
  std::string body;
  std::size_t cut = 0;
  std::vector<std::size_t> chunks;
};

// The bytes after a CONNECT or an upgrade. At most one side waits for the other's FIN before it sends its own.
struct TunnelPlan {
  std::string up, down;
  bool early = false;         // the client sends before the tunnel is open
  bool client_waits = false;  // ends after the origin's end
  bool origin_waits = false;
  bool origin_breaks = false;  // resets after its last byte
};

// One request and its response.
struct Ask {
  enum class Kind : std::uint8_t { plain, connect, upgrade };
  enum class Framing : std::uint8_t { none, length, chunked };
  Kind kind = Kind::plain;
  std::string method = "GET";
  bool http11 = true;
  bool close = false;  // Connection: close
  bool expects = false;
  Framing framing = Framing::none;
  Headers headers;
  std::string body;
  std::vector<std::size_t> chunks;
  std::size_t house = 0;  // the origin it is for
  Answer answer;
  TunnelPlan tunnel;
};

// One connection of a client.
struct Visit {
  enum class Manner : std::uint8_t {
    plain,       // closes after all responses
    half_close,  // closes its sending side after the last request
    stays,       // waits for the proxy to close
    stop,        // reads `cut` bytes, then nothing for a while, then the rest
    garbage,     // sends bytes that are not HTTP after the last request
    vanish,      // closes after `cut` bytes sent
    reset,       // resets after `cut` bytes sent
    leave,       // reads `cut` bytes and closes
  };
  Manner manner = Manner::plain;
  bool pipelines = false;  // sends all requests at once, else one after each response
  std::size_t cut = 0;
  std::uint64_t pause_ms = 0;  // before each request
  std::uint64_t start_ms = 0;  // before the first
  std::vector<Ask> asks;
};

// An origin.
struct HousePlan {
  enum class Manner : std::uint8_t { accepts, refuses, second };  // second: listens on its second address only
  Manner manner = Manner::accepts;
  bool by_name = false;
  bool tunnel = false;        // for one CONNECT only
  std::uint32_t serves = 0;   // requests per connection, then it closes without notice; 0: any number
  std::uint64_t idle_ms = 0;  // closes a connection that is idle for this time; 0: never
  bool resets = false;        // closes idle connections by a reset
  Spots spots;                // of its addresses; none: as `manner` says
};

// ---- the reference model ----
std::string house_name(const HousePlan& house, std::size_t index);
std::string path_of(std::size_t visit, std::size_t nth);  // of the target of a request
std::string ask_head(const Visit& visit, std::size_t nth, std::size_t index, const std::vector<HousePlan>& houses);
std::string ask_head_expected(const Visit& visit, std::size_t nth, std::size_t index, const std::vector<HousePlan>& houses,
                              const ParentPlan& parent);
Target target_of(const HousePlan& house, std::size_t index);  // as a parent receives it
// 0: the request reaches its origin; else the status of the proxy's response.
int status_of_way(const Ask& ask, const HousePlan& house, const ParentPlan& parent);
std::string answer_sent(const Ask& ask);
std::string answer_head_expected(const Ask& ask, bool close);
std::vector<std::string> interims_expected(const Ask& ask);
bool bodiless(const Ask& ask);
bool is_own_head(const std::string& head);  // of a response of the proxy itself
bool is_repeatable(const Ask& ask);  // RFC 9110 section 9.2.2
bool logs_in(const Ask& ask);        // the connection, by NTLM
bool ends_by_eof(const Ask& ask);    // the origin's close ends the response
inline bool has_tunnel(const Ask& ask) {
  return ask.kind == Ask::Kind::connect || (ask.kind == Ask::Kind::upgrade && ask.answer.agrees);
}

// ---- faults of a response that leave one reading (talk_odd.cpp) ----
enum class Oddity : std::uint8_t {
  none,
  line_feeds,  // LF as line end
  blanks_before_colon,
  repeated_length,  // two equal Content-Lengths
  empty_lines,      // before the status line
  listed_length,    // a list of equal Content-Lengths
  controls,         // in the value of X-Odd: a?b??c
  chunk_blanks,     // after the size
  chunk_line_feeds,
  version_1_0,  // also with chunks; another request must not follow
  icy,          // the same, as servers of radio streams say it
  empty_elements,
  spare_encodings,  // an empty one, and identity
  no_phrase,
  contradictory_lengths,  // of a response without a body
};
Oddity oddity_of(const Ask& ask);
std::string_view oddity_name(const Ask& ask);
inline bool is_version_1_0(const Ask& ask) { return oddity_of(ask) == Oddity::version_1_0 || oddity_of(ask) == Oddity::icy; }
std::string made_odd(const Ask& ask, std::string head);
std::string interim_made_odd(const Ask& ask, std::string head);
// After the size of each chunk, at the end of each line, and in the trailer section.
struct ChunkForm {
  std::string_view extension = ";x=y", end = "\r\n", trailer = "Trailer: dropped";
};
ChunkForm chunk_form(const Ask& ask);

// Splits a stream into messages (RFC 9112 section 6) and decodes chunks.
class Reader {
 public:
  struct Message {
    std::vector<std::string> interims;
    std::string head;  // with its empty line, or the part received
    std::string body;
    bool head_whole = false;
    bool whole = false;
    bool until_eof = false;
  };
  enum class Body : std::uint8_t { as_said, none, to_eof, tunnel };
  // What the head does not show: whether a body or a tunnel follows.
  using Judge = std::function<Body(std::size_t nth, const std::string& head)>;
  Reader(bool responses, Judge judge) : responses_(responses), judge_(std::move(judge)) {}

  void feed(std::string_view bytes);
  void end();  // end of stream
  void begin_tunnel() { state_ = State::tunnel; }
  [[nodiscard]] bool in_tunnel() const { return state_ == State::tunnel; }
  [[nodiscard]] std::size_t whole() const { return messages.size() - (messages.empty() || messages.back().whole ? 0 : 1); }

  std::deque<Message> messages;
  std::string tunnel;  // the bytes after the head
  std::string wrong;   // the syntax error; empty: none
  std::size_t eaten = 0;

 private:
  enum class State : std::uint8_t { head, length, size, data, data_end, last, until_eof, tunnel };
  void step(std::string_view& in);
  void begin_body();
  void begin_chunk();
  void finish() {
    messages.back().whole = true;
    state_ = State::head;
  }

  bool responses_;
  Judge judge_;
  State state_ = State::head;
  std::size_t left_ = 0;
  std::string line_;
};

class Visitor {
 public:
  Visitor(World& world, const Visit& plan, std::size_t index, const std::vector<HousePlan>& houses);
  bool act();
  [[nodiscard]] std::uint64_t next_time() const;
  [[nodiscard]] bool finished() const { return over_; }
  // The configuration that accepted or refused it.
  [[nodiscard]] std::size_t edition() const { return connection_ ? connection_->edition : refused_in_; }
  [[nodiscard]] const Visit& plan() const { return plan_; }
  // The tunnel's bytes sent by the client, and whether its FIN was sent.
  [[nodiscard]] std::string_view tunnel_sent() const;
  [[nodiscard]] bool ended() const { return connection_ && connection_->up.fin_sent; }

  Reader reader;
  std::string got;
  bool saw_eof = false, saw_reset = false;
  bool left = false;  // by itself, before it had received everything
  bool refused = false;

 private:
  bool send();
  bool read();
  bool finish();
  bool leave(bool by_reset);
  bool hear_end();
  [[nodiscard]] std::size_t may_send() const;
  [[nodiscard]] bool closing() const;
  [[nodiscard]] bool waits_for_100() const;
  [[nodiscard]] std::size_t answered() const { return reader.whole(); }

  World& world_;
  const Visit& plan_;
  std::string out_;
  std::vector<std::size_t> heads_, ends_;  // the end positions of each head and each request
  std::size_t tunnel_start_ = 0;
  std::size_t sent_ = 0, paused_at_ = 0, received_ = 0, refused_in_ = 0;
  ConnectionPtr connection_;
  bool over_ = false, shut_ = false, stopped_ = false, impatient_ = false;
  std::uint64_t waiting_until_ = 0, patience_until_ = 0;
};

// An origin and all connections to it. The one after the last plan is an HTTP parent, which plays all origins
// for requests in absolute form.
class House {
 public:
  House(World& world, const std::vector<HousePlan>& houses, const std::vector<Visit>& visits, const ParentPlan& parent,
        std::size_t index);
  bool act();
  // Takes over a connection from a parent; part of a request has already arrived.
  void take_over(const ConnectionPtr& connection, const std::string& begun);
  // Passes a parent's connection back when a CONNECT follows the last response on it.
  std::function<void(const ConnectionPtr&)> hand_back;
  [[nodiscard]] std::uint64_t next_time() const;

  // One of its connections.
  struct Serving {
    Serving(House& house, ConnectionPtr with);
    bool act();
    House& home;
    ConnectionPtr connection;
    Reader reader;
    std::vector<std::pair<std::size_t, std::size_t>> asked;  // visit and number of each request whose head has arrived
    std::string out;
    std::size_t sent = 0, sent_before = 0, answered = 0;
    std::size_t packet_ends = 0;  // position in `out`: no packet goes on beyond it
    bool continued = false, built = false, over = false, saw_eof = false, saw_reset = false, in_tunnel = false;
    bool shut = false;
    std::size_t said_before = 0, heard_before = 0;  // handshake bytes to and from a parent
    std::size_t spoiled_from = ~std::size_t{0};     // position of the first unrequested byte in all that it sends
    std::uint64_t waiting_until = 0;
    [[nodiscard]] const Ask& ask() const;
    [[nodiscard]] std::string_view tunnel_sent() const;

   private:
    bool read();
    [[nodiscard]] bool is_connect_next() const;
    bool answer();
    bool build();
    bool send();
    bool after_answer();
    bool idle();
    bool relay();
    bool close(bool by_reset);
    Reader::Body take_head(const std::string& head);
  };
  std::deque<Serving> servings;

 private:
  friend struct Serving;
  void listen();
  [[nodiscard]] bool is_parent() const { return index_ == houses_.size(); }
  World& world_;
  const std::vector<HousePlan>& houses_;
  const std::vector<Visit>& visits_;
  const ParentPlan& parent_;
  HousePlan plan_;
  std::size_t index_;
  std::vector<World::Host*> hosts_;
};

}  // namespace sim

// The look-up of one host's addresses: its two questions (A and AAAA), to one name server after the other
// until each is answered.
//
// Each question is asked by itself, from a new port with a new ID (RFC 5452): a server that answers only one
// of the two, or a lost datagram, does not hold up the other. Once one has brought addresses, the other has
// 50 ms left (RFC 8305 section 3). Without an answer the query goes on until it is cancelled: each user of
// the result has a timeout of its own.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dns_message.hpp"
#include "endpoint.hpp"
#include "name_source.hpp"

namespace net {

// Name servers, in the order in which they are asked.
using NameServers = std::shared_ptr<const std::vector<sys::Address>>;

// Times are monotonic, in ms.
class DnsQuery {
 public:
  // Before the next server is asked too; twice that in each round.
  static constexpr std::uint64_t kRetryMs = 300;
  static constexpr std::uint64_t kOtherFamilyMs = 50;
  static constexpr std::size_t kSocketsMax = 4;  // open at the same time

  // Asks the first of `servers`. Watches its sockets with `poller`; their events have `token`. REQUIRES:
  // there is a server, at most kNameServersMax; `write_dns_query` takes `host`; `poller` outlives this.
  DnsQuery(std::string host, NameServers servers, const sys::Fd& poller, Token token, std::uint64_t now);
  DnsQuery(const DnsQuery&) = delete;
  DnsQuery& operator=(const DnsQuery&) = delete;

  // A socket is ready.
  void mark() noexcept { marked_ = true; }
  // Reads what has arrived, and asks again what is due.
  void run(std::uint64_t now);
  // When `run` has work without an event, ms; 0: at once.
  [[nodiscard]] std::uint64_t deadline() const noexcept;

  // True if `found` has the result.
  [[nodiscard]] bool done(std::uint64_t now) const noexcept;
  // Takes the result. REQUIRES: done().
  Found found();
  // The last server that has answered; null: none has.
  [[nodiscard]] const sys::Address* answered_by() const noexcept { return answered_by_; }
  [[nodiscard]] const std::string& host() const noexcept { return host_; }  // that is looked up
  // The number of its open sockets, at most kSocketsMax.
  [[nodiscard]] std::size_t descriptors() const noexcept;
  // The token of its events.
  [[nodiscard]] const Token& token() const noexcept { return token_; }

 private:
  // One query that was sent, and may still be answered.
  struct Attempt {
    sys::Fd fd;
    std::size_t server = 0;
    std::uint16_t id = 0;
    bool by_tcp = false;
    std::string out, in;  // by TCP: what is still to be sent; what has been received
  };
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  enum class State : std::uint8_t { asking, found, none, failed };
  struct Question {
    explicit Question(DnsType of) noexcept : type(of) {}
    DnsType type;
    State state = State::asking;
    bool by_tcp = false;           // a response was too long for a datagram
    bool asked_all_again = false;  // after each had failed
    std::uint32_t failed = 0;      // bit n: server n cannot answer
    std::size_t next = 0;          // counts the attempts; modulo the number of servers, the next one to ask
    std::uint64_t next_at = 0;     // when the next attempt is due
    std::array<Attempt, 2> attempts;  // the two newest that have not failed
    std::size_t newest = 0;           // index of the newest
    std::vector<sys::Address> addresses;
    std::uint32_t ttl_s = 0;
  };

  void ask(Question& question, std::uint64_t now);
  bool send(Question& question, Attempt& attempt, std::size_t server, std::uint64_t now);
  bool transmit(const Question& question, Attempt& attempt);
  void fail(Question& question, Attempt& attempt, std::uint64_t now);
  void read(Question& question, std::uint64_t now);
  void read_datagrams(Question& question, Attempt& attempt, std::uint64_t now);
  void read_stream(Question& question, Attempt& attempt, std::uint64_t now);
  bool take(Question& question, Attempt& attempt, std::span<const std::byte> message, std::uint64_t now);
  void settle(Question& question, State state, std::uint64_t now);
  [[nodiscard]] bool asking() const noexcept;

  std::string host_;
  NameServers servers_;
  const sys::Fd& poller_;
  Token token_;
  bool marked_ = false;
  const sys::Address* answered_by_ = nullptr;
  std::uint64_t ends_at_ = kNever;  // the result is due then, whatever is missing
  std::array<Question, 2> questions_{Question{DnsType::aaaa}, Question{DnsType::a}};
};

}  // namespace net

// One request and its response, from the request head, or its error, to the line in the access log.
#pragma once
#include "../base/pool.hpp"
#include "../net/connector.hpp"
#include "../net/proxy_handshake.hpp"
#include "../net/resolver.hpp"
#include "../plan/parent.hpp"
#include "../plan/plan.hpp"
#include "access_record.hpp"

// Where the request goes.
struct Route {
  plan::Kind kind = plan::Kind::forward;  // what is done with the request
  const plan::Hop* hop = nullptr;         // the next hop; null: the request's host
  const plan::Parent* parent = nullptr;   // the hop is this upstream proxy; null: it is none
  const plan::WebRoute* web = nullptr;    // of a web server
  std::uint64_t tried = 0;                // bit n: member n of the group was tried
  std::uint16_t group = 0;                // of the configuration
  std::uint8_t member = 0;                // of the group
  bool in_group = false;                  // the hop is `member` of `group`
  std::uint8_t users = 0;                 // the password file, see plan::WebRoute
  std::uint8_t host_length = 0;
  std::uint16_t port = 0;
  std::array<char, http::kHostBytesMax> host;  // not initialized beyond host_length

  // The host that the client asked for: of the target, or of Host at a web server; empty: not known.
  [[nodiscard]] std::string_view host_view() const noexcept { return {host.data(), host_length}; }
  // The host and the port that the proxy connects to.
  [[nodiscard]] std::string_view next_host() const noexcept {
    return hop == nullptr ? host_view() : std::string_view{hop->host};
  }
  [[nodiscard]] std::uint16_t next_port() const noexcept { return hop == nullptr ? port : hop->port; }
};

// Facts about the two messages and their connections.
struct MessageInfo {
  http::Version version = http::Version::http10;  // of the messages that the proxy sends
  bool to_head : 1 = false;                       // HEAD: the response has no body
  bool wants_page : 1 = false;                    // an error response should be HTML
  bool upgrade : 1 = false;                       // the client asks for another protocol
  bool repeatable : 1 = false;                    // may be sent twice (RFC 9110 section 9.2.2)
  bool tunneled : 1 = false;                      // both ways are open and not parsed
  bool keep_alive : 1 = false;                    // the client's connection is kept after the response
  bool keep_alive_expected : 1 = false;  // the client may assume so, at least until it has the response
  bool upstream_keep_alive : 1 = false;  // the upstream's connection can be reused after the response
  bool proxy_login : 1 = false;          // the client itself may log in to the upstream proxy
  bool bound : 1 = false;                // a login has bound it to the client's connection
  bool end_in_doubt : 1 = false;         // client and upstream may see the request's end differently
  bool expects : 1 = false;              // the client waits for a 100 that has not come
  bool responds_early : 1 = false;       // the response began before the request was complete
  bool counted : 1 = false;              // against the client's limit of requests
};

// All that is known about the request.
struct Exchange {
  AccessRecord log;
  Route route;
  MessageInfo message;
  net::Resolver::Waiter lookup;                                  // of the next hop
  net::Connector connector;                                      // to the next hop
  net::HandshakeStep handshake_step = net::HandshakeStep::none;  // next step of the handshake with the parent
  std::uint64_t sent_up_at_start = 0;                            // the lanes' counters when the request began
  std::uint64_t sent_down_at_start = 0;
  std::uint32_t interim_bytes = 0;  // of the 1xx responses so far
  std::uint64_t phase_at = 0;       // when `phase` began, ms
  Phase phase = Phase::none;        // of SEND_REQUEST
  std::uint8_t hashes = 0;          // computed for the client's password
  std::uint64_t place = 0;          // in the order of those that wait for a share; 0: none
};
static_assert(sizeof(Exchange) <= 1984);
static_assert(AccessRecord::kAttemptsMax == net::Connector::kReportedMax);

using ExchangePool = base::Pool<Exchange>;
using ExchangePtr = ExchangePool::Ptr;

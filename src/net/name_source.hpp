// Resolves host names: by DNS (`dns_source.cpp`), or by a test. One of them is linked.
#pragma once
#include <memory>
#include <string>

#include "addresses.hpp"
#include "endpoint.hpp"

namespace net {

// The result of a query.
struct Found {
  // The outcome of a query.
  enum class What : std::uint8_t { found, not_found, failed };
  What what = What::failed;
  std::string host;      // as passed to `ask`
  Addresses addresses;   // found: at least one, port 0; the family to try first comes first
  std::uint64_t ttl_ms;  // found: how long the answer is valid
};

// Runs queries. `now` in monotonic ms.
class NameSource {
 public:
  // Watches its sockets with `poller`; their events have Token::Kind::resolver.
  explicit NameSource(const sys::Fd& poller);
  ~NameSource();
  NameSource(const NameSource&) = delete;
  NameSource& operator=(const NameSource&) = delete;

  // Asks these name servers; empty: those that the system is configured with.
  void use(std::vector<sys::Address> servers);
  // Looks for changes of the system's configuration, at times. Returns true if earlier results may be wrong
  // now.
  bool refresh(std::uint64_t now);

  // Starts a query for the addresses of `host`, in lower case and without a final dot. It may be complete
  // when the call returns. REQUIRES: no query for it is in progress.
  void ask(const std::string& host, std::uint64_t now);
  // Ends a query without a result.
  void cancel(const std::string& host);
  // Continues all queries in progress. Once a turn.
  void run(std::uint64_t now);
  // Takes the next completed query. Returns false if there is none.
  bool next(Found& out);

  // Handles an event.
  void mark(const Token& token);
  // The time until `run` must be called even without an event, ms; -1: never.
  [[nodiscard]] int timeout_ms(std::uint64_t now) const;
  // The number of descriptors that it has open.
  [[nodiscard]] std::size_t descriptors() const noexcept;

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace net

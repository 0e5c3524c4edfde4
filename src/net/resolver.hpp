// Resolves host names without blocking, with a cache: `find` returns a cached answer or `pending`, and
// `woken` lists the waiters that should call it again. Answers are cached for their TTL.
#pragma once
#include <unordered_map>

#include "../base/reason.hpp"
#include "endpoint.hpp"
#include "name_source.hpp"

namespace net {

// The result of `Resolver::find`.
struct Lookup {
  // The outcome of a lookup.
  enum class What : std::uint8_t { ready, pending, failed };
  What what;
  base::Reason why;     // failed: host_not_found, dns_error or dns_timeout
  Addresses addresses;  // ready: at least one, best first, with the port asked for
};

// Resolves host names, with a cache.
class Resolver {
 public:
  static constexpr std::size_t kNamesMax = 1024;              // cache entries
  static constexpr std::uint64_t kFailureKeptMs = 5000;       // failures are cached for this time
  static constexpr std::uint64_t kAnswerKeptMaxMs = 300'000;  // limit of a TTL

  // Watches the name source's sockets with `poller`.
  explicit Resolver(const sys::Fd& poller) : source_(poller) {}

  // Returns the addresses of `host` with `port`. Numeric addresses and localhost (RFC 6761 section 6.3) need
  // no DNS. If the result is `pending`, `waiter` is in `woken` once the answer is known. `now` in monotonic
  // ms.
  Lookup find(std::string_view host, std::uint16_t port, Token waiter, std::uint64_t now);

  // Handles an event of the name source.
  void mark(const Token& token, const sys::Event& event) {
    source_.process(static_cast<int>(token.slot), event);
  }
  // Caches completed queries and returns the waiters to wake. The span is valid until the next call.
  std::span<const Token> woken(std::uint64_t now);
  // The number of names cached or being resolved.
  [[nodiscard]] std::size_t names() const noexcept { return names_.size(); }
  // How long the event loop may sleep, ms; -1: no limit; 0: `woken` is not empty, as `find` may have
  // completed the queries of other waiters.
  // PLANT(resolver-timeout)
  [[nodiscard]] int timeout_ms() { return woken_.empty() ? source_.timeout_ms() : 0; }

 private:
  struct Name {
    Found::What what = Found::What::found;
    bool pending = true;
    std::uint64_t until = 0;
    Addresses addresses;
    std::vector<Token> waiters;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Names = std::unordered_map<std::string, Name, Hash, std::equal_to<>>;

  Name& cached(std::string_view host, const Token& waiter, std::uint64_t now);
  void make_room(std::uint64_t now);
  void collect(std::uint64_t now);
  static Lookup answer(const Name& name, std::uint16_t port);

  NameSource source_;
  Names names_;
  std::vector<Token> woken_;
  std::vector<Token> handed_out_;
};

}  // namespace net

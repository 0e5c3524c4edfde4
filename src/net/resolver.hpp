// Resolves host names without blocking, with a cache: `find` returns a cached answer or `pending`, and
// `woken` lists the waiters that should call it again. Answers are cached for their TTL.
//
// Clients share the queries and the cache: see base/fair_share.hpp. A client is an IPv4 address or an IPv6
// /64 network (RFC 6177). A query without waiters is cancelled.
#pragma once
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "../base/reason.hpp"
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
  struct Name;
  struct Client;

 public:
  static constexpr std::size_t kNamesMax = 1024;              // cache entries, pending ones included
  static constexpr std::size_t kPendingMax = 256;             // queries in progress
  static constexpr std::uint64_t kFailureKeptMs = 5000;       // failures are cached for this time
  static constexpr std::uint64_t kAnswerKeptMaxMs = 300'000;  // limit of a TTL

  // The place of a request or a health check in the resolver. It waits from a `find` that returns `pending`
  // until it is woken; its end cancels the wait.
  class Waiter {
   public:
    Waiter() = default;
    // For `client`, woken as `token`.
    Waiter(const Token& token, const sys::Address& client) noexcept : token_(token), client_(client) {}
    ~Waiter() { leave(); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    // Ends the wait, and becomes another waiter.
    void restart(const Token& token, const sys::Address& client) noexcept;
    // Ends the wait. A query without other waiters is cancelled.
    void leave() noexcept;

   private:
    friend class Resolver;
    Token token_;
    sys::Address client_;
    Resolver* resolver_ = nullptr;        // while it waits
    std::list<Waiter*>* list_ = nullptr;  // of those waiting for `name_`, or of the client's in the queue
    std::list<Waiter*>::iterator place_;
    Name* name_ = nullptr;      // the query it waits for
    Client* queue_ = nullptr;   // it waits for a query to be free
    std::uint32_t answer_ = 0;  // serial of the answer that has woken it; 0: none
  };

  // Watches the name source's sockets with `poller`. At most `pending_max` queries at the same time, at
  // least 1.
  explicit Resolver(const sys::Fd& poller, std::size_t pending_max = kPendingMax)
      : source_(poller), pending_max_(pending_max) {}
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Asks these name servers from now on; empty: those of the system. Forgets all answers, also if nothing has
  // changed.
  void use(std::vector<sys::Address> servers);

  // Returns the addresses of `host` with `port`. Numeric addresses and localhost (RFC 6761 section 6.3) need
  // no DNS. If the result is `pending`, the waiter's token is in `woken` once `find` should be called again.
  // `now` in monotonic ms.
  Lookup find(std::string_view host, std::uint16_t port, Waiter& waiter, std::uint64_t now);

  // Handles an event of the name source.
  void mark(const Token& token) { source_.mark(token); }
  // Continues the queries, caches the completed ones, and returns the waiters to wake. Once a turn. The span
  // is valid until the next call.
  std::span<const Token> woken(std::uint64_t now);
  // The number of names cached or being resolved.
  [[nodiscard]] std::size_t names() const noexcept { return names_.size(); }
  // The number of open descriptors.
  [[nodiscard]] std::size_t descriptors() const noexcept { return source_.descriptors(); }
  // The number of queries in progress.
  [[nodiscard]] std::size_t pending() const noexcept { return pending_; }
  // How long the event loop may sleep, ms; -1: no limit; 0: `woken` is not empty, as `find` may have
  // completed the queries of other waiters.
  [[nodiscard]] int timeout_ms(std::uint64_t now) const;

 private:
  static constexpr std::size_t kNoOwner = ~std::size_t{0};
  using NamesOfClient = std::list<Name*>;
  // A cached answer, or a query in progress.
  struct Name {
    const std::string* host = nullptr;  // its key
    Found::What what = Found::What::found;
    bool pending = true;
    std::uint32_t serial = 0;
    std::uint64_t until = 0;
    Addresses addresses;
    std::list<Waiter*> waiters;
    Client* owner = nullptr;        // the client that asked first
    NamesOfClient::iterator place;  // in the owner's list
  };
  struct Client {
    sys::ClientKey key;
    NamesOfClient asked;                // queries in progress, the oldest first
    NamesOfClient kept;                 // cached answers, the least recently used first
    std::list<Waiter*> queue;           // waiting for a free query
    std::list<Client*>::iterator turn;  // in `queue_`, while it is `queued`
    std::size_t owner = kNoOwner;       // its index in `owners_`
    bool queued = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Names = std::unordered_map<std::string, Name, Hash, std::equal_to<>>;

  static Lookup answer(const Name& name, std::uint16_t port);
  Client& client_of(const sys::Address& address);
  void update(Client& client);
  Lookup look_up(std::string_view key, std::uint16_t port, Waiter& waiter, std::uint64_t now);
  Lookup ask(std::string_view key, std::uint16_t port, Waiter& waiter, std::uint64_t now);
  bool take_turn(Client& client);
  [[nodiscard]] bool may_ask(const Client& client, std::size_t free) const noexcept;
  [[nodiscard]] Client* heaviest(NamesOfClient Client::*list) noexcept;
  void join(Waiter& waiter, std::list<Waiter*>& list);
  void put_in_queue(Waiter& waiter);
  static void detach(Waiter& waiter) noexcept;
  void wake(Waiter& waiter, std::uint32_t answer);
  void take_back(Name& name);
  void make_room();
  void erase(Name& name);
  void forget_answers();
  void collect(std::uint64_t now);
  void serve_queue();
  [[nodiscard]] bool can_serve() const noexcept;

  NameSource source_;
  const std::size_t pending_max_;
  std::size_t pending_ = 0;
  std::uint32_t serial_ = 0;
  Names names_;
  std::map<sys::ClientKey, Client> clients_;  // those with a name or in the queue
  std::vector<Client*> owners_;               // those with a name, at most kNamesMax
  std::list<Client*> queue_;                  // those with a waiter in the queue; the next one is first
  std::vector<Token> woken_;
  std::vector<Token> handed_out_;
};

}  // namespace net

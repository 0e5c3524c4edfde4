// From names to addresses, without ever making a record wait inside a call: `find` answers from memory or
// says `pending`, and `woken` later lists who should ask again. Answers are kept for their time to live.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "../base/reason.hpp"
#include "endpoint.hpp"
#include "name_source.hpp"

namespace net {

struct Lookup {
  enum class What : std::uint8_t { ready, pending, failed };
  What what;
  base::Reason why;     // failed: host_not_found, dns_error or dns_timeout
  Addresses addresses;  // ready: at least one, best first, with the port asked for
};

class Resolver {
 public:
  static constexpr std::size_t kNamesMax = 1024;         // remembered at once
  static constexpr std::uint64_t kFailureKeptMs = 5000;  // a failure is tried again after this
  static constexpr std::uint64_t kAnswerKeptMaxMs = 300'000;

  explicit Resolver(const sys::Fd& poller) : source_(poller) {}

  // Numeric addresses and localhost (RFC 6761 section 6.3) are answered without asking anybody. If `pending`,
  // `waiter` is among the `woken` once the answer is there.
  Lookup find(std::string_view host, std::uint16_t port, Token waiter, std::uint64_t now);

  // A descriptor of the source has an event.
  void mark(const Token& token, const sys::Event& event) {
    source_.process(static_cast<int>(token.slot), event);
  }
  // Takes in what has been answered. The tokens are valid until the next call.
  std::span<const Token> woken(std::uint64_t now);
  // Remembered, or being looked up.
  [[nodiscard]] std::size_t names() const noexcept { return names_.size(); }
  // How long the loop may sleep for the source's sake: milliseconds, -1 for as long as it likes. Not at all
  // if somebody is to be woken: a `find` may have taken in answers to others.
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

  Name& remembered(std::string_view host, const Token& waiter, std::uint64_t now);
  void make_room(std::uint64_t now);
  void collect(std::uint64_t now);
  static Lookup answer(const Name& name, std::uint16_t port);

  NameSource source_;
  Names names_;
  std::vector<Token> woken_;
  std::vector<Token> handed_out_;
};

}  // namespace net

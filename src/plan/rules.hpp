// Who may ask for what. Rules stand in the order given, and the first that matches decides:
//
//   --allow client=10.0.0.0/8,port=80|8000-8999  --deny host=.example.com  --deny to=192.168.0.0/16  --allow
//   all
//
// A rule is a list of conditions, all of which must hold; each has one value, or several with "|" between
// them, of which one must. Each condition is given once at most.
//
//   client=10.0.0.0/8    the client's address: a network, or a single address
//   10.0.0.0/8           the same
//   host=*.example.com   the host of the URL, in letters of either case; "*" stands for any run of
//   characters,
//                        also for none. A name below example.com, but not example.com itself
//   host=.example.com    example.com and every name below it
//   host=192.0.2.1       this very address, in whatever spelling; addresses that a name has are not meant
//   to=192.168.0.0/16    the address that will be connected to, whatever name led there
//   port=1024-65535      the port of the URL
//   method=GET           the method, in capital letters as in the request
//   all                  no condition: every request
//
// ::/0 does not hold IPv4 addresses; an IPv4-mapped IPv6 address is the IPv4 address it stands for. A final
// dot of a name does not count: "example.com." is example.com (RFC 1034 section 3.1).
//
// After the user's rules come the built-in ones: link-local addresses, with the cloud's metadata service, the
// unspecified, multicast and broadcast addresses are denied, and the loopback addresses to clients that are
// not on this machine, whose own address is no loopback address (kBuiltIn). For a destination that is denied
// so an allow rule counts only if it names it, by a network of to= that lies within the built-in one or by
// the numeric host itself: "--allow all", "--allow client=192.168.0.0/16" or "--allow to=0.0.0.0/0" does not
// open the metadata service or what listens on 127.0.0.1 by accident, in whatever order the rules stand.
// "host=NAME" does not name it either, "host=localhost" included: whoever owns a name could point it there.
//
// If no rule matches, closed by default:
//
//   the client is   an allow rule is for it (1)   client= is in            then         Fallback
//   anyone          yes                           any rule, or none        deny         not_listed
//   anyone          no                            an allow rule            deny         stranger
//   this machine    no                            deny rules, or none      allow        this_machine
//   another         no                            none                     allow (2)    no_client_rule
//   another         no                            deny rules               deny         stranger
//
//   (1) its client= holds, or it has none: what may be asked for is listed, and this is not on the list.
//   (2) then only this machine can reach us: a public listener is refused without client= (see
//       objection_to_public).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "network.hpp"

namespace plan {

enum class Decision : std::uint8_t { allow, deny, undecided };
enum class Action : std::uint8_t { allow, deny };

// The rows of the table above.
enum class Fallback : std::uint8_t { not_listed, this_machine, no_client_rule, stranger };

struct Verdict {
  enum class By : std::uint8_t {
    rule,      // the user's rule `index`
    built_in,  // row `index` of the built-in table
    fallback,  // no rule matched: row `index` of Fallback
  };
  Decision decision = Decision::undecided;
  By by = By::rule;
  std::uint16_t index = 0;  // for `undecided`, the first rule that may decide, or the fallback
  bool operator==(const Verdict&) const = default;
};

// What is known of a request before its host is looked up.
struct Asked {
  sys::Address client;
  std::string_view host;  // a name or a numeric address without brackets
  std::uint16_t port = 0;
  std::string_view method;
};

namespace detail {

// A host is matched as text, in small letters, or as an address if the rule gives a numeric one.
struct HostPattern {
  std::string text;
  sys::Address address;  // family none: it is a text
};

struct Rule {
  Action action = Action::deny;
  std::string text;  // as given, with its option
  // Empty: not asked for.
  std::vector<Network> client;
  std::vector<HostPattern> host;
  std::vector<Network> to;
  std::vector<Ports> port;
  std::vector<std::string> method;
};

}  // namespace detail

inline constexpr std::size_t kRulesMax = 1000;

class Rules {
 public:
  // Adds a rule behind the others. Empty, or one line that says what is wrong; then nothing was added.
  std::string add(Action action, std::string_view text);

  [[nodiscard]] std::size_t size() const noexcept { return rules_.size(); }
  // Some rule has client=, or is a bare network.
  [[nodiscard]] bool speaks_of_clients() const noexcept;

  // Before the host is looked up. `deny`: whatever its addresses are. `undecided`: that depends on the
  // address. `allow` only for a numeric host, whose address is known; for a name there is always a
  // destination that the built-in rules deny.
  [[nodiscard]] Verdict before_lookup(const Asked& asked) const noexcept;
  // For the very address that is to be connected to; never `undecided`. To be asked for each.
  [[nodiscard]] Verdict for_address(const Asked& asked, const sys::Address& address) const noexcept;

  // In words, for a log: the rule as it was given, or why there was none.
  [[nodiscard]] std::string_view text(Verdict verdict) const noexcept;
  // The client was denied for who it is, not for what it asks for.
  [[nodiscard]] bool is_about_client(Verdict verdict) const noexcept;

  // Rules that never decide because one before them matches all that they match, one line for each; save that
  // such a rule may deny what the built-in ones would deny anyway, and that it too may close the default.
  // One that names a loopback address is taken to be needed for other clients, though it be for this machine.
  // Looks at pairs of rules only: what several cover together is not found.
  [[nodiscard]] std::vector<std::string> lint() const;
  // Why a listener that others can reach is refused with these rules; empty if it is not. They must say for
  // whom: some rule has client=, and so has every allow rule.
  [[nodiscard]] std::string objection_to_public() const;

 private:
  [[nodiscard]] Fallback fallback(const sys::Address& client) const noexcept;

  std::vector<detail::Rule> rules_;
};

}  // namespace plan

// Access rules. They are tried in order; the first that matches decides. config/rule_text.hpp describes their
// conditions.
//
// ::/0 does not contain IPv4 addresses; an IPv4-mapped IPv6 address counts as its IPv4 address.
//
// A rule is checked against the IPv4 addresses embedded in an IPv6 address too (sys::embedded_in): a deny
// rule matches if one of them matches, the to= of an allow rule if all of them do, its client= and host=
// never.
//
// After the configured rules come the built-in ones. They deny link-local addresses, the metadata services of
// clouds, unspecified, multicast and broadcast addresses, and deny loopback addresses and all
// other addresses of this machine to clients on other machines (kBuiltIn). An allow rule opens such a
// destination only if it names it: with a network of to= that lies within the built-in one, or with the
// numeric host itself. So "--allow all", "--allow client=192.168.0.0/16" and "--allow to=0.0.0.0/0" do not
// open the metadata service or the services on 127.0.0.1 by accident, whatever the order of the rules. A name
// does not count, not even "host=localhost": the owner of a name could point it there.
//
// A rule with user= is for these users of --users. Before the password is checked, the request counts as that
// of the user that the rules treat best: what they deny then is denied to each user, without a password. A
// rule with user=none lets requests in without a password; the first rule that may be for the request,
// whatever its address and user, must be one. Such a request is allowed by these rules only, so that no other
// rule opens more.
//
// If no rule matches, the default is closed:
//
//   client          an allow rule is for it (1)   client= is used in       decision    Fallback
//   any             yes                           any rule, or none        deny        not_listed
//   any             no                            an allow rule            deny        unlisted_client
//   this machine    no                            deny rules, or none      allow       this_machine
//   another         no                            none                     allow (2)   no_client_rule
//   another         no                            deny rules               deny        unlisted_client
//
//   (1) its client= matches, or it has none: the allowed requests are listed, and this one is not.
//   (2) only reachable from this machine: a public listener without client= is refused at start.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host_pattern.hpp"
#include "network.hpp"

namespace plan {

enum class Decision : std::uint8_t { allow, deny, undecided };
enum class Action : std::uint8_t { allow, deny };

// The rows of the table above.
enum class Fallback : std::uint8_t { not_listed, this_machine, no_client_rule, unlisted_client };

struct Verdict {
  enum class By : std::uint8_t {
    rule,      // configured rule `index`
    built_in,  // built-in rule `index`
    fallback,  // no rule matched: Fallback `index`
  };
  Decision decision = Decision::undecided;
  By by = By::rule;
  std::uint16_t index = 0;  // for `undecided`, the first rule that may decide, or the fallback
  bool operator==(const Verdict&) const = default;
};

// The user of a request, as rules see it.
struct Requester {
  enum class What : std::uint8_t {
    unknown,  // the password is not checked yet
    known,    // `name`; empty: it is none of --users
    excused,  // a rule with user=none lets it in without a password
  };
  What what = What::unknown;
  std::string_view name{};
};

// The facts about a request that are known before the DNS lookup.
struct AccessRequest {
  sys::Address client;
  std::string_view host;  // a name or a numeric address without brackets
  std::uint16_t port = 0;
  std::string_view method;
  std::span<const Network> machine{};  // addresses of this machine
  Requester user{};
};

// An empty list of alternatives matches everything.
struct Rule {
  Action action = Action::deny;
  std::string text;  // as configured, with its option
  Networks client;
  std::vector<HostPattern> host;
  Networks to;
  std::vector<Ports> port;
  std::vector<std::string> method;
  std::vector<std::string> user;  // names, at most kRuleUserMax bytes each
  bool excuses = false;           // user=none
  // It is about users.
  [[nodiscard]] bool has_user() const noexcept { return excuses || !user.empty(); }
};

// `rule` never decides, because `by` comes earlier and matches the same requests.
struct Shadowed {
  const Rule* rule;
  const Rule* by;
};

inline constexpr std::size_t kRulesMax = 1000;
// Less than the part of a name that the log keeps, which is compared.
inline constexpr std::size_t kRuleUserMax = 63;

class Rules {
 public:
  // Appends a rule. REQUIRES: size() < kRulesMax.
  void add(Rule rule);

  [[nodiscard]] std::size_t size() const noexcept { return rules_.size(); }
  // The rules in order.
  [[nodiscard]] const std::vector<Rule>& all() const noexcept { return rules_; }
  // Some rule has user=: decide again when the user is known.
  [[nodiscard]] bool have_users() const noexcept { return have_users_; }
  // The request needs no password of --users: see the top of this file.
  [[nodiscard]] bool excuse(const AccessRequest& asked) const noexcept;
  // Some rule has a client condition.
  [[nodiscard]] bool restricts_clients() const noexcept;

  // Decides before the DNS lookup. `deny`: for all addresses of the host. `undecided`: it depends on the
  // address. `allow`: only for a numeric host, since the built-in rules deny some addresses of any name.
  [[nodiscard]] Verdict before_lookup(const AccessRequest& asked) const noexcept;
  // Decides for the address to connect to; never `undecided`. Call it for each address.
  [[nodiscard]] Verdict for_address(const AccessRequest& asked, const sys::Address& address) const noexcept;

  // Decides about a request to a web server of this machine, whose port is that of the listener; never
  // `undecided`. Rules with to= are about connections to other servers and do not count. If no rule matches,
  // the request is allowed, unless there is an allow rule.
  [[nodiscard]] Verdict for_web(const AccessRequest& asked) const noexcept;

  // The rule that decided, as configured, or the reason of the default.
  [[nodiscard]] std::string_view text(Verdict verdict) const noexcept;
  // The request was denied because of the client's address alone.
  [[nodiscard]] bool is_about_client(Verdict verdict) const noexcept;

  // Rules that never decide because a single earlier one covers them. They may still repeat a built-in rule
  // or close the default. A rule with a loopback destination counts as needed for clients on other machines.
  // The pointers are valid until the next add(). None if the rules have more than kComparedMax alternatives:
  // the comparison takes quadratic time.
  static constexpr std::size_t kComparedMax = 1500;
  [[nodiscard]] std::vector<Shadowed> shadowed() const;
  // The first allow rule without a client condition; null if there is none. Valid until the next add().
  [[nodiscard]] const Rule* open_rule() const noexcept;

 private:
  [[nodiscard]] Fallback fallback(const sys::Address& client) const noexcept;

  std::vector<Rule> rules_;
  bool have_users_ = false;
};

}  // namespace plan

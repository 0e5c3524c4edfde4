#include "rule_text.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "../base/text.hpp"
#include "address_text.hpp"
#include "did_you_mean.hpp"
#include "host_text.hpp"

namespace config {
namespace {

using plan::Rule;
using std::string;
using std::string_view;

// ---- the values: each function appends one, or returns the error -----------------------------------------

string take_client(Rule& rule, string_view text) {
  plan::Network network;
  string error = parse_network(text, network);
  if (error.empty()) rule.client.push_back(network);
  return error;
}

string take_to(Rule& rule, string_view text) {
  plan::Network network;
  string error = parse_network(text, network);
  if (error.empty()) rule.to.push_back(network);
  return error.empty() ? error : error + " (for host names, use host=)";
}

string take_host(Rule& rule, string_view text) { return parse_host_pattern(text, rule.host); }

string take_port(Rule& rule, string_view text) {
  plan::Ports range;
  if (!parse_ports(text, range))
    return "invalid port " + base::quoted(text) + ": expected 1-65535, or a range as in 1024-65535";
  if (range.first > range.last)
    return "invalid port range " + base::quoted(text) + ": the end is below the start";
  rule.port.push_back(range);
  return {};
}

// Methods are case-sensitive (RFC 9110 section 9.1); all registered ones are in capital letters.
string take_method(Rule& rule, string_view text) {
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  if (!base::all_are(text, base::kToken) || std::any_of(text.begin(), text.end(), is_small))
    return "invalid method " + base::quoted(text) + ": expected capital letters, as in GET";
  rule.method.emplace_back(text);
  return {};
}

// Also names with blanks; a name has no colon (RFC 7617 section 2).
string take_user(Rule& rule, string_view text) {
  if (rule.excuses || (text == "none" && !rule.user.empty()))
    return "user=none is for requests without a password: use a rule of its own for other users";
  if (text == "*") return "invalid user name '*': without user=, a rule is for all users";
  if (text.size() > plan::kRuleUserMax || base::has_control(text) || text.find(':') != string_view::npos)
    return "invalid user name " + base::quoted(text) + ": expected at most " +
           std::to_string(plan::kRuleUserMax) + " bytes without colon and control characters";
  rule.excuses = text == "none";
  if (!rule.excuses) rule.user.emplace_back(text);
  return {};
}

// ---- the conditions --------------------------------------------------------------------------------------

struct Condition {
  string_view key;
  string (*take)(Rule&, string_view);
  bool (*given)(const Rule&);
};

constexpr std::array<Condition, 6> kConditions{{
    {"client", take_client, [](const Rule& rule) { return !rule.client.empty(); }},
    {"host", take_host, [](const Rule& rule) { return !rule.host.empty(); }},
    {"to", take_to, [](const Rule& rule) { return !rule.to.empty(); }},
    {"port", take_port, [](const Rule& rule) { return !rule.port.empty(); }},
    {"method", take_method, [](const Rule& rule) { return !rule.method.empty(); }},
    {"user", take_user, [](const Rule& rule) { return rule.has_user(); }},
}};
constexpr string_view kConditionExpected =
    "expected client=, host=, to=, port=, method=, user=, a network, or all";

// The condition that was probably meant: a word that other proxies use, or a typing error. Empty if unclear.
string_view meant(string_view key) {
  constexpr std::array<std::array<string_view, 2>, 11> kOtherWords{{{"from", "client"},
                                                                    {"src", "client"},
                                                                    {"source", "client"},
                                                                    {"domain", "host"},
                                                                    {"name", "host"},
                                                                    {"dst", "to"},
                                                                    {"destination", "to"},
                                                                    {"dest", "to"},
                                                                    {"verb", "method"},
                                                                    {"login", "user"},
                                                                    {"proxy_auth", "user"}}};
  for (const auto& [word, right] : kOtherWords)
    if (base::equals_ignoring_case(word, key)) return right;
  std::array<string_view, kConditions.size()> keys;
  std::transform(kConditions.begin(), kConditions.end(), keys.begin(),
                 [](const Condition& c) { return c.key; });
  return nearest(key, keys, std::min<std::size_t>(2, key.size() / 2));
}

string unknown_condition(string_view key) {
  string error = "unknown condition " + base::quoted(key);
  if (const string_view right = meant(key); !right.empty())
    error += " (did you mean '" + string{right} + "='?)";
  return error + ": " + string{kConditionExpected};
}

string take_alternatives(const Condition& condition, Rule& rule, string_view values) {
  for (bool more = true; more;) {
    const std::size_t bar = values.find('|');
    const string_view value = base::trimmed(values.substr(0, bar));
    if (value.empty()) return "empty value in " + string{condition.key} + "=";
    if (string error = condition.take(rule, value); !error.empty()) return error;
    more = bar != string_view::npos;
    if (more) values.remove_prefix(bar + 1);
  }
  return {};
}

string take_values(Rule& rule, string_view key, string_view values) {
  const auto found = std::find_if(kConditions.begin(), kConditions.end(),
                                  [key](const Condition& c) { return c.key == key; });
  if (found == kConditions.end()) return unknown_condition(key);
  const string name{key};
  if (found->given(rule)) return name + "= is given twice: write alternatives as " + name + "=A|B";
  return take_alternatives(*found, rule, values);
}

string take_condition(Rule& rule, string_view text) {
  if (text.empty()) return "empty condition: " + string{kConditionExpected};
  if (const std::size_t equals = text.find('='); equals != string_view::npos)
    return take_values(rule, base::trimmed(text.substr(0, equals)), text.substr(equals + 1));
  if (sys::Address address; sys::parse_ip(text.substr(0, text.find('/')), 0, address))
    return take_values(rule, "client", text);
  if (!meant(text).empty())
    return "missing value in " + base::quoted(text) + ": expected " + string{meant(text)} + "=VALUE";
  return "invalid rule " + base::quoted(text) + ": " + string{kConditionExpected};
}

// The end of the first condition: a comma, or a blank before the key of the next one.
std::size_t end_of_condition(string_view text) noexcept {
  const std::size_t comma = std::min(text.find(','), text.size());
  for (std::size_t blank = text.find(' '); blank < comma; blank = text.find(' ', blank + 1)) {
    const string_view rest = base::trimmed(text.substr(blank));
    const auto begins = [rest](const Condition& c) {
      return rest.size() > c.key.size() && rest.starts_with(c.key) && rest[c.key.size()] == '=';
    };
    if (blank > 0 && std::any_of(kConditions.begin(), kConditions.end(), begins)) return blank;
  }
  return comma;
}

string check_user(const Rule& rule) {
  if (rule.excuses && rule.action == plan::Action::deny)
    return "user=none has a meaning with --allow only: it requires no password";
  if (rule.excuses && !rule.to.empty())
    return "user=none and to= exclude each other: the password is asked for before the address is known";
  return {};
}

string take_conditions(Rule& rule, string_view text) {
  if (base::trimmed(text) == "all") return {};
  for (bool more = true; more;) {
    const std::size_t end = end_of_condition(text);
    more = end != text.size();  // a condition is required after the last comma too
    const string_view element = base::trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (element == "all") return "'all' must be the only condition";
    if (string error = take_condition(rule, element); !error.empty()) return error;
  }
  return {};
}

}  // namespace

string parse_rule(plan::Action action, string_view text, Rule& out) {
  Rule rule;
  rule.action = action;
  rule.text = (action == plan::Action::allow ? "--allow " : "--deny ") + string{text};
  string error = take_conditions(rule, base::trimmed(text));
  if (error.empty()) error = check_user(rule);
  if (error.empty()) out = std::move(rule);
  return error;
}

string lacks_users(const plan::Rules& rules) {
  const auto found = std::find_if(rules.all().begin(), rules.all().end(), std::mem_fn(&Rule::has_user));
  return found == rules.all().end() ? string{} : found->text + ": the users are not known: add --users FILE";
}

string objection_to_web(const plan::Rules& rules) {
  const Rule* first = nullptr;
  for (const Rule& rule : rules.all()) {
    if (rule.action != plan::Action::allow) continue;
    if (rule.to.empty()) return {};
    if (first == nullptr) first = &rule;
  }
  if (first == nullptr) return {};
  return first->text +
         ": web servers ignore to=, so this rule would leave them open to everybody: to allow clients, use "
         "client=, as in --allow client=10.0.0.0/8";
}

std::vector<string> rule_warnings(const plan::Rules& rules) {
  std::vector<string> warnings;
  for (const auto& [rule, by] : rules.shadowed())
    warnings.push_back(rule->text + " has no effect: " + by->text + " matches the same requests earlier");
  return warnings;
}

string objection_to_public(const plan::Rules& rules) {
  constexpr string_view kEverybody = " (client=0.0.0.0/0|::/0 allows everybody)";
  if (!rules.restricts_clients())
    return "restrict its clients to a network, as in --allow 192.168.0.0/16" +
           string{rules.all().empty() ? "" : kEverybody};
  const Rule* const open = rules.open_rule();
  if (open == nullptr) return {};
  return "restrict " + open->text + ", as in client=192.168.0.0/16" + string{kEverybody};
}

}  // namespace config

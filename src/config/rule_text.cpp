#include "rule_text.hpp"

#include <algorithm>
#include <array>

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

// ---- the conditions --------------------------------------------------------------------------------------

struct Condition {
  string_view key;
  string (*take)(Rule&, string_view);
  bool (*given)(const Rule&);
};

constexpr std::array<Condition, 5> kConditions{{
    {"client", take_client, [](const Rule& rule) { return !rule.client.empty(); }},
    {"host", take_host, [](const Rule& rule) { return !rule.host.empty(); }},
    {"to", take_to, [](const Rule& rule) { return !rule.to.empty(); }},
    {"port", take_port, [](const Rule& rule) { return !rule.port.empty(); }},
    {"method", take_method, [](const Rule& rule) { return !rule.method.empty(); }},
}};
constexpr string_view kExpected = "expected client=, host=, to=, port=, method=, a network, or all";

// The condition that was probably meant: a word that other proxies use, or a typing error. Empty if unclear.
string_view meant(string_view key) {
  constexpr std::array<std::array<string_view, 2>, 9> kOtherWords{{{"from", "client"},
                                                                   {"src", "client"},
                                                                   {"source", "client"},
                                                                   {"domain", "host"},
                                                                   {"name", "host"},
                                                                   {"dst", "to"},
                                                                   {"destination", "to"},
                                                                   {"dest", "to"},
                                                                   {"verb", "method"}}};
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
  return error + ": " + string{kExpected};
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
  if (text.empty()) return "empty condition: " + string{kExpected};
  if (const std::size_t equals = text.find('='); equals != string_view::npos)
    return take_values(rule, base::trimmed(text.substr(0, equals)), text.substr(equals + 1));
  if (sys::Address address; sys::parse_ip(text.substr(0, text.find('/')), 0, address))
    return take_values(rule, "client", text);
  if (!meant(text).empty())
    return "missing value in " + base::quoted(text) + ": expected " + string{meant(text)} + "=VALUE";
  return "invalid rule " + base::quoted(text) + ": " + string{kExpected};
}

string take_conditions(Rule& rule, string_view text) {
  if (base::trimmed(text) == "all") return {};
  for (bool more = true; more;) {
    more = text.find(',') != string_view::npos;  // a condition is required after the last comma too
    const string_view element = base::next_element(text);
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
  string error = take_conditions(rule, text);
  if (error.empty()) out = std::move(rule);
  return error;
}

std::vector<string> rule_warnings(const plan::Rules& rules) {
  std::vector<string> warnings;
  for (const auto& [rule, by] : rules.shadowed())
    warnings.push_back(rule->text + " has no effect: " + by->text + " matches the same requests earlier");
  return warnings;
}

string objection_to_public(const plan::Rules& rules) {
  if (!rules.restricts_clients()) return "restrict its clients, as in --allow 192.168.0.0/16";
  const Rule* const open = rules.open_rule();
  if (open == nullptr) return {};
  return "restrict " + open->text + ", as in client=192.168.0.0/16 (client=0.0.0.0/0|::/0 allows everybody)";
}

}  // namespace config

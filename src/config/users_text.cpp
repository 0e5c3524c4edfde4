#include "users_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "../base/budget.hpp"
#include "../base/text.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;

struct Unsupported {
  string_view prefix, name;
};
constexpr std::array<Unsupported, 5> kUnsupported{{
    {"{SHA}", "unsalted SHA-1"},
    {"{SSHA}", "SHA-1"},
    {"{PLAIN}", "a password in the clear"},
    {"$apr1$", "Apache's MD5"},
    {"{", "a kind that crypt(3) does not support"},
}};
constexpr string_view kInstead = ": replace it with: htpasswd -B FILE USER";

// The long kinds end in a hash of fixed length. A truncated one could never match.
struct Ending {
  string_view prefix;
  std::size_t length;  // after the last "$"
};
constexpr std::array<Ending, 10> kEndings{{{"$2a$", 53},
                                           {"$2b$", 53},
                                           {"$2x$", 53},
                                           {"$2y$", 53},
                                           {"$1$", 22},
                                           {"$5$", 43},
                                           {"$6$", 86},
                                           {"$7$", 43},
                                           {"$y$", 43},
                                           {"$gy$", 43}}};

bool is_truncated(string_view hash) {
  const auto found = std::find_if(kEndings.begin(), kEndings.end(),
                                  [hash](const Ending& row) { return hash.starts_with(row.prefix); });
  return found != kEndings.end() && hash.size() - hash.rfind('$') - 1 != found->length;
}

// crypt(3) reads any two letters as the salt of a traditional hash, so a password in the clear could pass for
// one.
bool is_in_the_clear(string_view hash) {
  constexpr std::size_t kTraditional = 13;
  return hash.front() != '$' && hash.front() != '_' && hash.size() != kTraditional;
}

string check_hash(const plan::Hasher& hasher, const string& hash) {
  if (hash.empty()) return "missing hash after the colon";
  for (const Unsupported& row : kUnsupported)
    if (hash.starts_with(row.prefix))
      return "unsupported hash " + string{row.prefix} + " (" + string{row.name} + ")" + string{kInstead};
  if (std::any_of(hash.begin(), hash.end(), [](char c) { return base::is_control(c) || c == ' '; }))
    return "unexpected characters after the hash";
  if (is_in_the_clear(hash)) return "expected a hash, got what looks like a password" + string{kInstead};
  if (!hasher.knows(hash.c_str()))
    return "unsupported hash: crypt(3) does not know this kind" + string{kInstead};
  if (is_truncated(hash)) return "truncated hash" + string{kInstead};
  return {};
}

// Nothing else is served while a hash is computed.
string take_cost(plan::Hasher& hasher, plan::User& user) {
  const plan::HashCost cost = hasher.cost(user.hash.c_str());
  user.cost_us = cost.us;
  user.password_bytes = cost.password_bytes;
  if (cost.known && cost.us <= base::TurnBudget::kHashMaxUnits) return {};
  const string subject = "the hash of user '" + base::printable(user.name) + "' ";
  if (!cost.known) return subject + "has unusual parameters" + string{kInstead};
  return subject + "is too costly: about " + std::to_string(cost.us / 1000) +
         " ms on this machine, at most " + std::to_string(base::TurnBudget::kHashMaxUnits / 1000) +
         " ms are allowed" + string{kInstead};
}

string check_name(string_view name) {
  if (name.empty()) return "missing user name before the colon";
  if (name.size() > plan::kUserBytesMax)
    return "user name is longer than " + std::to_string(plan::kUserBytesMax) + " bytes";
  return base::has_control(name) ? "control character in the user name" : "";
}

using NameAndLine = std::pair<string_view, std::size_t>;  // a name and its line

string duplicate(std::vector<NameAndLine>& places) {
  if (!std::is_sorted(places.begin(), places.end())) std::sort(places.begin(), places.end());
  for (std::size_t i = 1; i < places.size(); ++i) {
    const auto& [first, line] = places[i - 1];
    const auto& [name, again] = places[i];
    if (first != name) continue;
    return string{"line "}.append(std::to_string(again)).append(": duplicate user '").append(name) +
           "', first in line " + std::to_string(line);
  }
  return {};
}

string_view take_line(string_view& text) {
  const std::size_t end = text.find('\n');
  string_view line = text.substr(0, end);
  text = end == string_view::npos ? string_view{} : text.substr(end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

string parse_users(string_view text, plan::Hasher& hasher, std::vector<plan::User>& out) {
  std::vector<plan::User> users;
  std::vector<NameAndLine> places;
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  users.reserve(std::min(lines, plan::kUsersMax));
  places.reserve(std::min(lines, plan::kUsersMax));
  for (std::size_t number = 1; !text.empty(); ++number) {
    const string_view line = take_line(text);
    if (base::trimmed(line).empty() || line.front() == '#') continue;
    const string where = "line " + std::to_string(number) + ": ";
    const std::size_t colon = line.find(':');
    if (colon == string_view::npos) return where + "expected USER:HASH";
    const string_view rest = line.substr(colon + 1);  // HASH, or HASH:COMMENT
    plan::User user{string{line.substr(0, colon)}, string{rest.substr(0, rest.find(':'))}};
    if (const string error = check_name(user.name); !error.empty()) return where + error;
    if (const string error = check_hash(hasher, user.hash); !error.empty()) return where + error;
    if (const string error = take_cost(hasher, user); !error.empty()) return where + error;
    if (users.size() == plan::kUsersMax)
      return where + "too many users: at most " + std::to_string(plan::kUsersMax);
    users.push_back(std::move(user));
    places.emplace_back(line.substr(0, colon), number);
  }
  if (users.empty()) return "no users: add one with: htpasswd -B FILE USER";
  if (string error = duplicate(places); !error.empty()) return error;
  out = std::move(users);
  return {};
}

}  // namespace config

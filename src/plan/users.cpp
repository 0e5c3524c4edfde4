#include "users.hpp"

#include <algorithm>
#include <utility>

#include "../base/text.hpp"
#include "../http/basic_auth.hpp"

namespace plan {
namespace {

using std::string;
using std::string_view;
using What = LoginResult::What;

// Volatile keeps the compiler from removing the writes.
void wipe(std::span<char> secret) noexcept {
  for (volatile char& c : secret) c = '\0';
}

// ---- the lines of a file: each function returns an empty string, or what is wrong -----------------------

struct Unsupported {
  string_view prefix, what;
};
constexpr std::array<Unsupported, 5> kUnsupported{{
    {"{SHA}", "is SHA-1 without salt, which is guessed in no time"},
    {"{SSHA}", "is SHA-1, which is guessed in no time"},
    {"{PLAIN}", "is the password itself"},
    {"$apr1$", "is Apache's own MD5, which crypt(3) does not know"},
    {"{", "is of a kind that crypt(3) does not know"},
}};
constexpr string_view kInstead = "; write it anew with: htpasswd -B FILE USER";

// The longer kinds end in a hash of fixed length: one that was cut could never match.
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

bool is_cut(string_view hash) {
  const auto found = std::find_if(kEndings.begin(), kEndings.end(),
                                  [hash](const Ending& row) { return hash.starts_with(row.prefix); });
  return found != kEndings.end() && hash.size() - hash.rfind('$') - 1 != found->length;
}

// Every two letters pass for the salt of the traditional hash: a password in the clear must not be taken for
// one.
bool is_in_the_clear(string_view hash) {
  constexpr std::size_t kTraditional = 13;
  return hash.front() != '$' && hash.front() != '_' && hash.size() != kTraditional;
}

string check_hash(const Hasher& hasher, const string& hash) {
  if (hash.empty()) return "has no hash behind the colon";
  for (const Unsupported& row : kUnsupported)
    if (hash.starts_with(row.prefix))
      return "has a hash that begins with " + string{row.prefix} + ": that " + string{row.what} +
             string{kInstead};
  if (base::has_control(hash) || hash.find_first_of(" :") != string::npos)
    return "has characters behind the hash that do not belong there";
  if (is_in_the_clear(hash)) return "has no hash but what looks like the password itself" + string{kInstead};
  if (!hasher.knows(hash.c_str()))
    return "has a hash of a kind that crypt(3) does not know here" + string{kInstead};
  if (is_cut(hash)) return "has a hash that was cut" + string{kInstead};
  return {};
}

string check_name(string_view name) {
  if (name.empty()) return "has no name before the colon";
  if (name.size() > kUserBytesMax)
    return "has a name of more than " + std::to_string(kUserBytesMax) + " bytes";
  return base::has_control(name) ? "has a control character in the name" : "";
}

using Place = std::pair<string_view, std::size_t>;  // a name and its line

string given_twice(std::vector<Place>& places) {
  std::sort(places.begin(), places.end());
  for (std::size_t i = 1; i < places.size(); ++i) {
    const auto& [first, line] = places[i - 1];
    const auto& [name, again] = places[i];
    if (first != name) continue;
    string message = "line " + std::to_string(again) + " names the user ";
    message += name;
    return message + " again, who stands in line " + std::to_string(line);
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

bool equal_in_constant_time(string_view a, string_view b) noexcept {
  if (a.size() != b.size()) return false;
  volatile unsigned char differing = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    differing = static_cast<unsigned char>(differing | (a[i] ^ b[i]));
  return differing == 0;
}

string Users::read(string_view text) {
  if (hasher_ == nullptr)
    return "this proxy was built without libcrypt (libcrypt-dev), and cannot check passwords";
  std::vector<User> users;
  std::vector<Place> places;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const string_view line = take_line(text);
    if (base::trimmed(line).empty() || line.front() == '#') continue;
    const string where = "line " + std::to_string(number) + " ";
    const std::size_t colon = line.find(':');
    if (colon == string_view::npos) return where + "is not USER:HASH";
    User user{string{line.substr(0, colon)}, string{line.substr(colon + 1)}};
    if (const string error = check_name(user.name); !error.empty()) return where + error;
    if (const string error = check_hash(*hasher_, user.hash); !error.empty()) return where + error;
    if (users.size() == kUsersMax) return where + "is one user too many";
    users.push_back(std::move(user));
    places.emplace_back(line.substr(0, colon), number);
  }
  if (users.empty()) return "there is no user in it; add one with: htpasswd -B FILE USER";
  if (string error = given_twice(places); !error.empty()) return error;
  std::sort(users.begin(), users.end(), [](const User& a, const User& b) { return a.name < b.name; });
  users_ = std::move(users);
  remembered_count_ = 0;
  return {};
}

LoginResult Users::login(const http::Fields& fields) noexcept {
  const http::Field* found = nullptr;
  for (const http::Field& field : fields.all()) {
    if (field.id != http::FieldName::proxy_authorization) continue;
    if (found != nullptr) return {What::malformed, {}};
    found = &field;
  }
  return found == nullptr ? LoginResult{What::missing, {}} : check(found->value);
}

LoginResult Users::check(string_view value) noexcept {
  std::array<char, kCredentialsMax + 1> decoded;  // one more for a NUL after the password
  std::size_t length = 0;
  const bool readable = http::decode_basic(value, std::span{decoded}.first(kCredentialsMax), length);
  decoded[length] = '\0';
  const LoginResult login =
      readable ? check_decoded({decoded.data(), length}) : LoginResult{What::malformed, {}};
  wipe(decoded);
  return login;
}

// `credentials` is followed by a NUL.
LoginResult Users::check_decoded(std::span<char> credentials) noexcept {
  const string_view text{credentials.data(), credentials.size()};
  const std::size_t colon = text.find(':');  // the first: a name has none (RFC 7617 section 2)
  // No control characters (RFC 7617 section 2): a NUL would end the password early.
  if (colon == string_view::npos || base::has_control(text)) return {What::malformed, {}};
  if (users_.empty()) return {What::wrong, {}};
  const base::SipHash hash = base::siphash(key_, text);
  if (const User* const known = recall(hash)) return {What::good, known->name};
  const User* const user = find(text.substr(0, colon));
  // Hashes for an unknown name too, so that the time does not reveal which names exist.
  const bool right = verify(user != nullptr ? *user : users_.front(), text.data() + colon + 1);
  if (user == nullptr || !right) return {What::wrong, {}};
  remember(hash, *user);
  return {What::good, user->name};
}

const Users::User* Users::find(string_view name) const noexcept {
  const auto found =
      std::lower_bound(users_.begin(), users_.end(), name,
                       [](const User& user, string_view wanted) { return user.name < wanted; });
  return found != users_.end() && found->name == name ? &*found : nullptr;
}

bool Users::verify(const User& user, const char* password) noexcept {
  ++computed_;
  // A stored hash is not empty, so a failed computation never matches.
  return equal_in_constant_time(hasher_->hash(password, user.hash.c_str()), user.hash);
}

// Its time reveals nothing, since a client without the key cannot predict the hash of a guess.
const Users::User* Users::recall(const base::SipHash& hash) noexcept {
  const auto begin = remembered_.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(remembered_count_);
  const auto found = std::find_if(begin, end, [&hash](const Remembered& r) { return r.hash == hash; });
  if (found == end) return nullptr;
  std::rotate(begin, found, found + 1);
  return &users_[remembered_.front().user];
}

void Users::remember(const base::SipHash& hash, const User& user) noexcept {
  if (remembered_count_ < remembered_.size()) ++remembered_count_;
  const auto end = remembered_.begin() + static_cast<std::ptrdiff_t>(remembered_count_);
  std::rotate(remembered_.begin(), end - 1, end);  // replaces the least recently used
  remembered_.front() = {hash, static_cast<std::uint32_t>(&user - users_.data())};
}

}  // namespace plan

#include "users.hpp"

#include <algorithm>
#include <utility>

#include "../base/text.hpp"
#include "../http/basic_auth.hpp"

namespace plan {
namespace {

using std::string_view;
using What = LoginResult::What;

// Volatile keeps the compiler from removing the writes.
void wipe(std::span<char> secret) noexcept {
  for (volatile char& c : secret) c = '\0';
}

}  // namespace

bool equal_in_constant_time(string_view a, string_view b) noexcept {
  if (a.size() != b.size()) return false;
  volatile unsigned char differing = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    differing = static_cast<unsigned char>(differing | (a[i] ^ b[i]));
  return differing == 0;
}

void Users::set(std::vector<User> users) {
  std::sort(users.begin(), users.end(), [](const User& a, const User& b) { return a.name < b.name; });
  users_ = std::move(users);
  remembered_count_ = 0;
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

const User* Users::find(string_view name) const noexcept {
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
const User* Users::recall(const base::SipHash& hash) noexcept {
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

#include "users.hpp"

#include <algorithm>
#include <utility>

#include "../base/erase.hpp"
#include "../base/text.hpp"
#include "../http/basic_auth.hpp"

namespace plan {
namespace {

using std::string_view;
using What = LoginResult::What;

}  // namespace

bool equal_in_constant_time(string_view a, string_view b) noexcept {
  if (a.size() != b.size()) return false;
  volatile unsigned char differing = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    differing = static_cast<unsigned char>(differing | (a[i] ^ b[i]));
  return differing == 0;
}

void Users::set(std::vector<User> users) {
  const auto before = [](const User& a, const User& b) { return a.name < b.name; };
  if (!std::is_sorted(users.begin(), users.end(), before)) std::sort(users.begin(), users.end(), before);
  users_ = std::move(users);
  verified_.assign(users_.size(), {});
  wrong_.fill({});
  const auto cheaper = [](const User& a, const User& b) { return a.cost_us < b.cost_us; };
  const auto [least, most] = std::minmax_element(users_.begin(), users_.end(), cheaper);
  cheapest_ = static_cast<std::size_t>(least - users_.begin());
  costliest_ = static_cast<std::size_t>(most - users_.begin());
}

void Users::keep_verified(const Users& before) {
  for (std::size_t i = 0; i < users_.size(); ++i) {
    const User* const same = before.find(users_[i].name);
    if (same == nullptr || same->hash != users_[i].hash) continue;
    verified_[i] = before.verified_[static_cast<std::size_t>(same - before.users_.data())];
  }
}

LoginResult Users::login(const http::Fields& fields, http::FieldName where) noexcept {
  return check(fields, where, nullptr);
}

LoginResult Users::login(const http::Fields& fields, http::FieldName where, unsigned step) noexcept {
  return check(fields, where, &step);
}

LoginResult Users::check(const http::Fields& fields, http::FieldName where, const unsigned* step) noexcept {
  const http::Field* found = nullptr;
  for (const http::Field& field : fields.all()) {
    if (field.id != where) continue;
    if (found != nullptr) return {What::malformed, {}};
    found = &field;
  }
  if (found == nullptr) return {What::missing, {}};
  std::array<char, kCredentialsMax + 1> decoded;  // one more for a NUL after the password
  std::size_t length = 0;
  const bool readable = http::decode_basic(found->value, std::span{decoded}.first(kCredentialsMax), length);
  decoded[length] = '\0';
  const LoginResult login =
      readable ? check_decoded({decoded.data(), length}, step) : LoginResult{What::malformed, {}};
  base::erase(std::span{decoded});
  return login;
}

// `credentials` is followed by a NUL.
LoginResult Users::check_decoded(std::span<char> credentials, const unsigned* step) noexcept {
  const string_view text{credentials.data(), credentials.size()};
  const std::size_t colon = text.find(':');  // the first: a name has none (RFC 7617 section 2)
  // No control characters (RFC 7617 section 2): a NUL would end the password early.
  if (colon == string_view::npos || base::has_control(text)) return {What::malformed, {}};
  if (users_.empty()) return {What::wrong, {}};
  const Given given{text.substr(0, colon), text.data() + colon + 1, text.size() - colon - 1,
                    base::siphash(key_, text)};
  const User* const user = find(given.name);
  if (user != nullptr && is_verified(*user, given.hash)) return {What::good, user->name};
  if (std::find(wrong_.begin(), wrong_.end(), given.hash) != wrong_.end()) return {What::wrong, {}};
  return step == nullptr ? LoginResult{What::pending, {}} : compute(given, user, *step);
}

// The first hash decides. The second one makes wrong passwords cost as much as the costliest hash at least,
// where the users' hashes differ in cost. An unknown name has the hash of some user, always the same one, so
// its cost is that of a known name.
LoginResult Users::compute(const Given& given, const User* user, unsigned step) noexcept {
  const User &cheapest = users_[cheapest_], &costliest = users_[costliest_];
  const User& first = user != nullptr ? *user : stand_in(given.name);
  if (step == 0) {
    const bool right = verify(first, given);
    if (user != nullptr && right) {
      verified_[static_cast<std::size_t>(user - users_.data())] = given.hash;
      return {What::good, user->name};
    }
    if (cheapest.cost_us < costliest.cost_us) return {What::pending, {}};
  } else {
    verify(first.cost_us == costliest.cost_us ? cheapest : costliest, given);
  }
  wrong_[wrong_next_++ % wrong_.size()] = given.hash;
  return {What::wrong, {}};
}

const User* Users::find(string_view name) const noexcept {
  const auto found =
      std::lower_bound(users_.begin(), users_.end(), name,
                       [](const User& user, string_view wanted) { return user.name < wanted; });
  return found != users_.end() && found->name == name ? &*found : nullptr;
}

// The user whose hash is computed for an unknown name. The key keeps clients from predicting which one.
const User& Users::stand_in(string_view name) const noexcept {
  return users_[static_cast<std::size_t>(base::siphash(key_, name).low % users_.size())];
}

// Its time reveals nothing, since a client without the key cannot predict the hash of a guess.
bool Users::is_verified(const User& user, const base::SipHash& hash) const noexcept {
  return verified_[static_cast<std::size_t>(&user - users_.data())] == hash;
}

// A password that is too long is wrong, and costs as much as another one.
bool Users::verify(const User& user, const Given& given) noexcept {
  ++computed_;
  last_cost_ = user.cost_us;
  const bool fits = given.length <= user.password_bytes;
  // A stored hash is not empty, so a failed computation never matches.
  return equal_in_constant_time(hasher_->hash(fits ? given.password : "", user.hash.c_str()), user.hash) &&
         fits;
}

}  // namespace plan

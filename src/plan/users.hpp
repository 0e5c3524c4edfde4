// Basic proxy authentication (RFC 9110 section 11.7, RFC 7617) against the users of an htpasswd(1) file.
//
// Hashes such as bcrypt are slow by design, and the proxy has one thread: nothing else is served while a hash
// is computed. So the callers decide when one may be computed (state/login.hpp), and a credential that was
// correct is remembered for each user: a verified user never needs a second hash. The last wrong ones are
// remembered too, for clients that repeat them.
//
// Time reveals nothing about the names: a wrong password costs the hash of its user, or of the cheapest one
// for an unknown name, and one of the costliest user.
//
// Without TLS, passwords reach the proxy in the clear (RFC 7617 section 4).
#pragma once
#include <string>
#include <vector>

#include "../base/siphash.hpp"
#include "../http/head.hpp"
#include "crypt.hpp"

namespace plan {

inline constexpr std::size_t kUsersMax = 20'000;
inline constexpr std::size_t kUserBytesMax = 255;      // as htpasswd's
inline constexpr std::size_t kPasswordBytesMax = 128;  // the time of some hashes grows with the length
inline constexpr std::size_t kCredentialsMax = kUserBytesMax + 1 + kPasswordBytesMax;
inline constexpr std::size_t kWrongMax = 64;  // wrong credentials that are remembered

struct LoginResult {
  enum class What : std::uint8_t {
    good,
    missing,    // no credentials: 407
    malformed,  // not Basic, invalid by RFC 7617, or repeated: 407
    wrong,      // unknown user or wrong password: 407
    pending,    // one more hash must be computed
  };
  What what = What::missing;
  std::string_view user;  // good: the name; valid until the users are replaced
};

struct User {
  std::string name, hash;                          // hash: as crypt(3) writes it
  std::uint64_t cost_us = 0;                       // of one hash
  std::size_t password_bytes = kPasswordBytesMax;  // a longer password is wrong
};

class Users {
 public:
  // `key` is random and secret. REQUIRES: the hasher outlives this object; null if there is none.
  Users(Hasher* hasher, base::SipKey key) noexcept : hasher_(hasher), key_(key) {}

  // Replaces all users. REQUIRES: names differ, and hashes are not empty.
  void set(std::vector<User> users);
  // Users of `before` with the same name and hash stay verified. REQUIRES: both have the same key.
  void keep_verified(const Users& before);
  [[nodiscard]] std::size_t size() const noexcept { return users_.size(); }
  [[nodiscard]] bool has(std::string_view name) const noexcept { return find(name) != nullptr; }
  [[nodiscard]] base::SipKey key() const noexcept { return key_; }

  // Checks the single field `where` of a request: proxy_authorization, or authorization of a web server.
  // Computes no hash: `pending` if one is needed.
  LoginResult login(const http::Fields& fields, http::FieldName where) noexcept;
  // The same, and computes hash number `step` of these credentials, from 0. `pending`: call again, in another
  // turn, with `step` + 1.
  LoginResult login(const http::Fields& fields, http::FieldName where, unsigned step) noexcept;

  // The number of hashes that were computed.
  [[nodiscard]] std::uint64_t computed() const noexcept { return computed_; }
  // The cost of the hash that was computed last, us.
  [[nodiscard]] std::uint64_t last_cost() const noexcept { return last_cost_; }

 private:
  // The credentials of a request: "NAME:PASSWORD", and a keyed hash of them. Passwords are not kept.
  struct Given {
    std::string_view name;
    const char* password;  // ends with a NUL
    std::size_t length;    // of the password
    base::SipHash hash;
  };

  LoginResult check(const http::Fields& fields, http::FieldName where, const unsigned* step) noexcept;
  LoginResult check_decoded(std::span<char> credentials, const unsigned* step) noexcept;
  LoginResult compute(const Given& given, const User* user, unsigned step) noexcept;
  [[nodiscard]] const User* find(std::string_view name) const noexcept;
  [[nodiscard]] const User& stand_in(std::string_view name) const noexcept;
  [[nodiscard]] bool is_verified(const User& user, const base::SipHash& hash) const noexcept;
  bool verify(const User& user, const Given& given) noexcept;

  Hasher* hasher_;
  base::SipKey key_;
  std::vector<User> users_;              // sorted by name
  std::vector<base::SipHash> verified_;  // of each user: the correct credentials; zero: none yet
  std::size_t cheapest_ = 0, costliest_ = 0;
  std::array<base::SipHash, kWrongMax> wrong_{};  // the last wrong credentials; zero: none
  std::size_t wrong_next_ = 0;
  std::uint64_t computed_ = 0;
  std::uint64_t last_cost_ = 0;
};

// Compares in a time that depends on the length only, so that it does not reveal how close a guess is.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace plan

// Basic proxy authentication (RFC 9110 section 11.7, RFC 7617) against the users of an htpasswd(1) file.
//
// Hashes such as bcrypt are slow by design, and the proxy has one thread: **nothing else is served while a
// hash is computed** (about 50 ms with bcrypt's cost 10, twice that for each further step). Correct
// credentials are therefore cached, which leaves one hash for each user and one for each wrong guess. Guesses
// are limited by the request limit of the client (limits.hpp).
//
// Without TLS, passwords reach the proxy in the clear (RFC 7617 section 4).
#pragma once
#include <string>
#include <vector>

#include "../base/siphash.hpp"
#include "../http/head.hpp"
#include "crypt.hpp"

namespace plan {

inline constexpr std::size_t kUsersMax = 100'000;
inline constexpr std::size_t kUserBytesMax = 255;      // as htpasswd's
inline constexpr std::size_t kPasswordBytesMax = 511;  // as crypt's (bcrypt uses the first 72)
inline constexpr std::size_t kCredentialsMax = kUserBytesMax + 1 + kPasswordBytesMax;
inline constexpr std::size_t kRememberedMax = 256;

struct LoginResult {
  enum class What : std::uint8_t {
    good,
    missing,    // no credentials: 407
    malformed,  // not Basic, invalid by RFC 7617, or repeated: 407
    wrong,      // unknown user or wrong password: 407
  };
  What what = What::missing;
  std::string_view user;  // good: the name; valid until the users are replaced
};

struct User {
  std::string name, hash;  // hash: as crypt(3) writes it
};

class Users {
 public:
  // `key` is random and secret. REQUIRES: the hasher outlives this object; null if there is none.
  Users(Hasher* hasher, base::SipKey key) noexcept : hasher_(hasher), key_(key) {}

  // Replaces all users. REQUIRES: names differ, and hashes are not empty.
  void set(std::vector<User> users);
  [[nodiscard]] std::size_t size() const noexcept { return users_.size(); }

  // Checks the single Proxy-Authorization field of a request.
  LoginResult login(const http::Fields& fields) noexcept;
  // Checks the value of that field.
  LoginResult check(std::string_view value) noexcept;

  // The number of hashes that were computed.
  [[nodiscard]] std::uint64_t computed() const noexcept { return computed_; }

 private:
  // Credentials that were correct, as a keyed hash of 128 bits: the password itself is not kept.
  struct Remembered {
    base::SipHash hash;
    std::uint32_t user = 0;
  };

  [[nodiscard]] const User* find(std::string_view name) const noexcept;
  bool verify(const User& user, const char* password) noexcept;
  const User* recall(const base::SipHash& hash) noexcept;
  void remember(const base::SipHash& hash, const User& user) noexcept;
  LoginResult check_decoded(std::span<char> credentials) noexcept;

  Hasher* hasher_;
  base::SipKey key_;
  std::vector<User> users_;                            // sorted by name
  std::array<Remembered, kRememberedMax> remembered_;  // most recently used first
  std::size_t remembered_count_ = 0;
  std::uint64_t computed_ = 0;
};

// Compares in a time that depends on the length only, so that it does not reveal how close a guess is.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace plan

// Who may use the proxy, by name and password: "Proxy-Authorization: Basic ..." (RFC 9110 section 11.7, RFC
// 7617) against a file as htpasswd(1) writes it.
//
// A hash such as bcrypt is slow on purpose, and there is but one thread: **while one is computed, nothing
// else is served** (about 50 ms with bcrypt's cost 10, twice that for each step more). So credentials that
// were found right are remembered, and in the steady state none is computed at all. What is left is one for
// each user, and one for each wrong guess: those are to be limited for each client (limits.hpp), which is why
// `computed` counts them.
//
// Users without TLS send their passwords to us in the clear (RFC 7617 section 4).
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../base/siphash.hpp"
#include "../http/head.hpp"
#include "crypt.hpp"

namespace plan {

inline constexpr std::size_t kUsersMax = 100'000;
inline constexpr std::size_t kUserBytesMax = 255;      // as htpasswd's
inline constexpr std::size_t kPasswordBytesMax = 511;  // as crypt's (bcrypt looks at the first 72 alone)
inline constexpr std::size_t kCredentialsMax = kUserBytesMax + 1 + kPasswordBytesMax;
inline constexpr std::size_t kRememberedMax = 256;

struct Login {
  enum class What : std::uint8_t {
    good,
    missing,    // no credentials: 407
    malformed,  // not Basic, or not what RFC 7617 allows, or given twice: 407
    wrong,      // no such user, or another password: 407
  };
  What what = What::missing;
  std::string_view user;  // good: the name; lives as long as the file that was read
};

class Users {
 public:
  // `key` is to be random and secret. REQUIRES: the hasher, null if there is none, outlives us.
  Users(Hasher* hasher, base::SipKey key) noexcept : hasher_(hasher), key_(key) {}

  // Reads the text of a whole file, in place of what was read before. Empty, or one line that says what is
  // wrong and in which line; then all is as it was.
  std::string read(std::string_view text);
  [[nodiscard]] std::size_t size() const noexcept { return users_.size(); }

  // The Proxy-Authorization among the fields of a request, of which there is to be one.
  Login login(const http::Fields& fields) noexcept;
  // The value of that field.
  Login check(std::string_view value) noexcept;

  // How many hashes were computed, for the tests and for statistics.
  [[nodiscard]] std::uint64_t computed() const noexcept { return computed_; }

 private:
  struct User {
    std::string name, hash;
  };
  // A password itself is not kept. Equal hashes are taken for equal credentials: without the key, finding a
  // pair is as likely as guessing 128 bits.
  struct Remembered {
    base::SipHash hash;
    std::uint32_t user = 0;
  };

  [[nodiscard]] const User* find(std::string_view name) const noexcept;
  bool verify(const User& user, const char* password) noexcept;
  const User* recall(const base::SipHash& hash) noexcept;
  void remember(const base::SipHash& hash, const User& user) noexcept;
  Login check_decoded(std::span<char> credentials) noexcept;

  Hasher* hasher_;
  base::SipKey key_;
  std::vector<User> users_;                            // sorted by name
  std::array<Remembered, kRememberedMax> remembered_;  // the last used first
  std::size_t remembered_count_ = 0;
  std::uint64_t computed_ = 0;
};

// Takes as long for equal texts as for different ones of the same length, so that no guess is told how near
// it is.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace plan

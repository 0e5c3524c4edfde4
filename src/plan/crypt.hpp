// crypt(3), the one-way function of password files. `crypt.cpp` is libcrypt; `nocrypt.cpp` is linked where
// that is missing, as one of the sources of names is; the tests bring one of their own.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

namespace plan {

class Hasher {
 public:
  Hasher() = default;
  virtual ~Hasher() = default;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  // Is `setting`, a stored hash, of a kind that can be computed?
  [[nodiscard]] virtual bool knows(const char* setting) const noexcept = 0;
  // The hash of a password in the way that a stored one says; empty if it cannot be computed. The view is
  // good until the next call. Blocks for as long as that kind of hash is meant to take.
  virtual std::string_view hash(const char* password, const char* setting) noexcept = 0;
};

// Null if this build has no libcrypt.
std::unique_ptr<Hasher> make_crypt();

}  // namespace plan

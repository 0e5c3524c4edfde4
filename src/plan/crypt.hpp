// Password hashing with crypt(3). `crypt.cpp` uses libcrypt; builds without it link `nocrypt.cpp`. Tests have
// a hasher of their own.
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

  // Returns true if `setting`, a stored hash, is of a supported kind.
  [[nodiscard]] virtual bool knows(const char* setting) const noexcept = 0;
  // Hashes a password with the kind and salt of a stored hash. Empty on an error. The view is valid until the
  // next call. Blocks for as long as this kind of hash takes by design.
  virtual std::string_view hash(const char* password, const char* setting) noexcept = 0;
};

// Null if this build has no libcrypt.
std::unique_ptr<Hasher> make_crypt();

}  // namespace plan

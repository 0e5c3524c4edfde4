// Password hashing with crypt(3). `crypt.cpp` uses libcrypt; builds without it link `nocrypt.cpp`. Tests have
// a hasher of their own.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace plan {

// What a stored hash demands.
struct HashCost {
  bool known = false;              // the kind is supported, and its parameters are usual ones
  std::uint64_t us = 0;            // CPU time of one hash on this machine, about, for the longest password
  std::size_t password_bytes = 0;  // the hash depends on so many bytes of a password, and ignores the rest
};

class Hasher {
 public:
  Hasher() = default;
  virtual ~Hasher() = default;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  // Returns true if `setting`, a stored hash, is of a supported kind.
  [[nodiscard]] virtual bool knows(const char* setting) const noexcept = 0;
  // The cost of `setting`. Does not compute this hash: measures one cheap hash of each kind once, and
  // multiplies by the parameters.
  virtual HashCost cost(const char* setting) noexcept = 0;
  // Hashes a password with the kind and salt of a stored hash. Empty on an error. The view is valid until the
  // next call. Blocks for as long as this kind of hash takes by design.
  virtual std::string_view hash(const char* password, const char* setting) noexcept = 0;
};

// CPU time of this thread in microseconds.
using CpuClock = std::uint64_t (*)() noexcept;

// Null if this build has no libcrypt.
std::unique_ptr<Hasher> make_crypt(CpuClock clock);

}  // namespace plan

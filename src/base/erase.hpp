// Erases what must not stay on the stack: a core file has it.
#pragma once
#include <cstddef>
#include <cstring>
#include <span>

namespace base {

// Sets the bytes to 0, also if the compiler sees no later use of them (explicit_bzero(3)).
template <class Byte, std::size_t count>
void erase(std::span<Byte, count> bytes) noexcept {
  ::explicit_bzero(bytes.data(), bytes.size_bytes());
}

// Erases the bytes at the end of its scope. REQUIRES: they outlive this.
class Eraser {
 public:
  explicit Eraser(std::span<char> bytes) noexcept : bytes_(bytes) {}
  ~Eraser() { erase(bytes_); }
  Eraser(const Eraser&) = delete;
  Eraser& operator=(const Eraser&) = delete;

 private:
  std::span<char> bytes_;
};

}  // namespace base

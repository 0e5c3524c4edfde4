// A compression that needs no zlib: one byte for each KiB of input. It shrinks all content like zeros, so the
// input, which costs, is a thousand times the output.
#include "../../src/files/gzip.hpp"

#include <algorithm>
#include <array>

#include "../../src/base/budget.hpp"
#include "kernel.hpp"

namespace files {
namespace {

class Shrinks final : public base::BodySource {
 public:
  Shrinks(std::unique_ptr<base::BodySource> plain, std::shared_ptr<void> ticket)
      : plain_(std::move(plain)), ticket_(std::move(ticket)) {}

  Produced produce(std::span<std::byte> room) noexcept override {
    constexpr std::size_t kInputPerCall = 131'072;
    std::array<std::byte, 16'384> input;
    std::size_t bytes = 0;
    for (std::size_t read = 0; read < kInputPerCall && bytes + 16 <= room.size();) {
      const Produced got = plain_->produce(input);
      if (got.got != Got::some) return {bytes > 0 ? Got::some : got.got, bytes};
      sim::World::current().charge(got.bytes / 32);
      worked(got.bytes / base::Work::kGzipBytes);
      read += got.bytes;
      std::fill_n(room.begin() + static_cast<std::ptrdiff_t>(bytes), 1 + got.bytes / 1024, std::byte{'z'});
      bytes += 1 + got.bytes / 1024;
    }
    return {Got::some, bytes};
  }
  [[nodiscard]] std::size_t descriptors() const noexcept override { return plain_->descriptors(); }

 private:
  std::unique_ptr<base::BodySource> plain_;
  std::shared_ptr<void> ticket_;
};

}  // namespace

bool has_gzip() noexcept { return true; }

std::unique_ptr<base::BodySource> make_gzip(std::unique_ptr<base::BodySource>& plain, int /*level*/, std::shared_ptr<void> ticket) {
  return std::make_unique<Shrinks>(std::move(plain), std::move(ticket));
}

}  // namespace files

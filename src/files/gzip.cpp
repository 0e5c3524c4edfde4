#include "gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace files {
namespace {

constexpr int kWindowBits = 15 + 16;  // the largest window; 16: gzip format
constexpr int kMemoryLevel = 8;       // zlib's default

class Gzip final : public base::BodySource {
 public:
  Gzip(int level, std::shared_ptr<void> ticket) noexcept : ticket_(std::move(ticket)) {
    ready_ =
        ::deflateInit2(&stream_, level, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Gzip() override {
    if (ready_) ::deflateEnd(&stream_);
  }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  [[nodiscard]] bool ready() const noexcept { return ready_; }
  void take(std::unique_ptr<base::BodySource> plain) noexcept { plain_ = std::move(plain); }

  Produced produce(std::span<std::byte> room) noexcept override;

 private:
  bool refill() noexcept;

  // The input that one call reads at most. A file of zeros shrinks to a thousandth, so the output alone does
  // not bound the work.
  static constexpr std::size_t kInputPerCall = std::size_t{128} * 1024;

  std::shared_ptr<void> ticket_;
  std::unique_ptr<base::BodySource> plain_;
  z_stream stream_{};
  bool ready_ = false;
  bool all_read_ = false;
  bool finished_ = false;
  std::array<std::byte, 16'384> input_;
};

// Returns false if reading `plain_` fails.
bool Gzip::refill() noexcept {
  const Produced got = plain_->produce(input_);
  stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
  stream_.avail_in = static_cast<uInt>(got.bytes);
  all_read_ = got.got == Got::end;
  return got.got != Got::failed;
}

base::BodySource::Produced Gzip::produce(std::span<std::byte> room) noexcept {
  if (finished_) return {Got::end, 0};
  const auto most = static_cast<uInt>(std::min<std::size_t>(room.size(), std::size_t{1} << 30));
  stream_.next_out = reinterpret_cast<Bytef*>(room.data());
  stream_.avail_out = most;
  const uLong begin = stream_.total_in;
  while (stream_.avail_out != 0) {
    const bool enough = stream_.total_in - begin >= kInputPerCall;
    if (enough && stream_.avail_out != most) break;
    if (stream_.avail_in == 0 && !all_read_ && !refill()) return {Got::failed, 0};
    const int result = ::deflate(&stream_, all_read_ ? Z_FINISH : enough ? Z_SYNC_FLUSH : Z_NO_FLUSH);
    finished_ = result == Z_STREAM_END;
    if (finished_) break;
    if (result != Z_OK && result != Z_BUF_ERROR) return {Got::failed, 0};
  }
  return {Got::some, most - stream_.avail_out, stream_.total_in - begin};
}

}  // namespace

bool has_gzip() noexcept { return true; }

std::unique_ptr<base::BodySource> make_gzip(std::unique_ptr<base::BodySource>& plain, int level,
                                            std::shared_ptr<void> ticket) {
  auto made = std::make_unique<Gzip>(level, std::move(ticket));
  if (!made->ready()) return nullptr;
  made->take(std::move(plain));
  return made;
}

}  // namespace files

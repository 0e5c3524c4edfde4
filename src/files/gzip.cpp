#include "gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "../base/budget.hpp"

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
  [[nodiscard]] std::size_t descriptors() const noexcept override {
    return plain_ ? plain_->descriptors() : 0;
  }

 private:
  Got refill() noexcept;
  Got compress(uInt most) noexcept;

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

// Reads the next input. Returns what `plain_` returned.
base::BodySource::Got Gzip::refill() noexcept {
  const Produced got = plain_->produce(input_);
  stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
  stream_.avail_in = got.got == Got::some ? static_cast<uInt>(got.bytes) : 0;
  all_read_ = got.got == Got::end;
  return got.got;
}

base::BodySource::Produced Gzip::produce(std::span<std::byte> room) noexcept {
  if (finished_) return {Got::end, 0};
  const auto most = static_cast<uInt>(std::min<std::size_t>(room.size(), std::size_t{1} << 30));
  stream_.next_out = reinterpret_cast<Bytef*>(room.data());
  stream_.avail_out = most;
  const uLong begin = stream_.total_in;
  const std::uint64_t begin_work = plain_->work();
  const Got got = compress(most);
  worked((stream_.total_in - begin) / base::Work::kGzipBytes + plain_->work() - begin_work);
  const std::size_t bytes = most - stream_.avail_out;
  return {got == Got::none && bytes > 0 ? Got::some : got, bytes};
}

// Compresses until the room is full, or enough input was read, or there is none yet.
base::BodySource::Got Gzip::compress(uInt most) noexcept {
  const uLong begin = stream_.total_in;
  while (stream_.avail_out != 0) {
    const bool enough = stream_.total_in - begin >= kInputPerCall;
    if (enough && stream_.avail_out != most) break;
    if (stream_.avail_in == 0 && !all_read_)
      if (const Got got = refill(); got == Got::failed || got == Got::none) return got;
    const int result = ::deflate(&stream_, all_read_ ? Z_FINISH : enough ? Z_SYNC_FLUSH : Z_NO_FLUSH);
    finished_ = result == Z_STREAM_END;
    if (finished_) break;
    if (result != Z_OK && result != Z_BUF_ERROR) return Got::failed;
  }
  return Got::some;
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

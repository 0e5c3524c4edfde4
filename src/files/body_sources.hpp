// Response bodies from a file or from memory: whole, or in pieces with text between them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "../base/body_source.hpp"
#include "../sys/fd.hpp"

namespace files {

// The bytes: in memory or in a file.
struct Content {
  std::shared_ptr<const std::string> text;  // null: in `file`
  sys::Fd file;
};

struct Piece {
  std::string before;  // sent before it
  std::uint64_t first = 0, length = 0;
};

// Sends the pieces in order. If the file has become too short, `produce` returns `failed`, and a caller of
// `range` meets the end of the file.
class PiecesSource final : public base::BodySource {
 public:
  PiecesSource(Content content, std::vector<Piece> pieces)
      : content_(std::move(content)), pieces_(std::move(pieces)) {}

  [[nodiscard]] base::FileRange range() const noexcept override;
  void sent(std::uint64_t bytes) noexcept override;
  Produced produce(std::span<std::byte> room) noexcept override;
  [[nodiscard]] std::size_t descriptors() const noexcept override { return content_.file ? 1 : 0; }

 private:
  void skip_finished() noexcept;

  Content content_;
  std::vector<Piece> pieces_;
  std::size_t piece_ = 0;        // the current piece
  std::size_t before_done_ = 0;  // bytes sent of `before`
  std::uint64_t done_ = 0;       // bytes sent of its content
};

// The first `length` bytes.
std::unique_ptr<base::BodySource> whole_file_source(Content content, std::uint64_t length);

}  // namespace files

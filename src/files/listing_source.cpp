#include "listing_source.hpp"

#include <algorithm>
#include <utility>

#include "../base/budget.hpp"

namespace files {
namespace {

class ListingSource final : public base::BodySource {
 public:
  ListingSource(Listings& listings, ListedFolder folder, std::uint64_t now)
      : listings_(listings), folder_(std::move(folder)), asked_(now), text_(beginning()) {}

  Produced produce(std::span<std::byte> room) noexcept override;

 private:
  // The row that was written last.
  struct Last {
    std::string name;
    ListingRow row;
  };

  [[nodiscard]] std::string beginning() const;
  std::size_t copy(std::span<std::byte> room) noexcept;
  Got next_text();
  [[nodiscard]] std::size_t next_row(const Listings::Got& got) const noexcept;
  void write_rows(const FolderRows& rows, std::size_t from);

  Listings& listings_;
  ListedFolder folder_;
  std::uint64_t asked_;   // when the client has asked, ms
  std::string text_;      // the next text
  std::size_t sent_ = 0;  // of `text_`
  bool ended_ = false;
  std::uint64_t number_ = 0;  // of the listing that `next_` is an index of; 0: none yet
  std::size_t next_ = 0;
  Last last_;
  bool has_last_ = false;
};

std::string ListingSource::beginning() const {
  const std::string path = '/' + folder_.name + (folder_.name.empty() ? "" : "/");
  return listing_begin(path, !folder_.name.empty(), folder_.order);
}

base::BodySource::Produced ListingSource::produce(std::span<std::byte> room) noexcept {
  std::size_t bytes = copy(room);
  while (bytes < room.size()) {
    const Got got = next_text();
    if (got != Got::some) return {bytes > 0 ? Got::some : got, bytes};
    bytes += copy(room.subspan(bytes));
  }
  return {Got::some, bytes};
}

std::size_t ListingSource::copy(std::span<std::byte> room) noexcept {
  const std::size_t count = std::min(room.size(), text_.size() - sent_);
  std::transform(text_.data() + sent_, text_.data() + sent_ + count, room.data(),
                 [](char c) { return static_cast<std::byte>(c); });
  sent_ += count;
  return count;
}

// Puts the next rows, or the end of the page, into `text_`.
base::BodySource::Got ListingSource::next_text() {
  if (ended_) return Got::end;
  const Listings::Got got = listings_.get(folder_, number_ == 0 ? asked_ : 0, sys::now_ms());
  worked(got.work);
  if (got.failed) return Got::failed;
  if (got.rows == nullptr) return Got::none;
  text_.clear();
  sent_ = 0;
  write_rows(*got.rows, next_row(got));
  number_ = got.number;
  return Got::some;
}

// Another listing of the same directory may have other rows.
std::size_t ListingSource::next_row(const Listings::Got& got) const noexcept {
  if (got.number == number_) return next_;
  return has_last_ ? got.rows->after(last_.row) : 0;
}

void ListingSource::write_rows(const FolderRows& rows, std::size_t from) {
  constexpr std::size_t kAtOnce = 2048;  // about so much at once
  for (next_ = from; next_ < rows.size() && text_.size() < kAtOnce; ++next_) {
    put_listing_row(text_, rows.at(next_));
    worked(base::Work::kNameWritten);
  }
  if (next_ > from) {
    last_.row = rows.at(next_ - 1);
    last_.name = last_.row.name;
    last_.row.name = last_.name;
    has_last_ = true;
  }
  ended_ = next_ == rows.size();
  if (ended_) text_ += listing_end(rows.cut(), rows.size());
}

}  // namespace

std::unique_ptr<base::BodySource> make_listing_source(Listings& listings, ListedFolder folder,
                                                      std::uint64_t now) {
  return std::make_unique<ListingSource>(listings, std::move(folder), now);
}

}  // namespace files

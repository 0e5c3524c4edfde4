#include "hosts_file.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>

#include "../base/text.hpp"
#include "../http/head.hpp"
#include "../sys/scoped_address.hpp"
#include "text_lines.hpp"

namespace net {
namespace {

constexpr std::int64_t kRacyMs = 2000;     // a file system's clock may have a resolution of two seconds
constexpr std::size_t kBytesPerName = 16;  // an estimate; a file with shorter lines is read more slowly

bool is_racy(const sys::FileStatus& status) noexcept {
  return static_cast<std::int64_t>(sys::wall_ms()) - status.changed_ns / 1'000'000 < kRacyMs;
}

}  // namespace

bool HostsFile::refresh() {
  if (reading()) return false;
  sys::Opened opened = sys::open_file(path_.c_str());
  const bool absent = opened.error == ENOENT || opened.error == ENOTDIR || opened.error == EACCES;
  if (!opened.fd && !absent) return false;  // a shortage of our own says nothing about the file
  sys::FileStatus found;
  std::optional<sys::FileStatus> status;
  if (opened.fd && sys::status_of(opened.fd, found) == 0 && found.kind == sys::FileStatus::Kind::regular)
    status = found;
  if (known_ && !racy_ && status == status_) return false;
  known_ = true;
  racy_ = status && is_racy(*status);
  status_ = status;
  begin(status ? std::move(opened.fd) : sys::Fd{},
        status ? std::min<std::size_t>(status->size, kBytesMax) : 0);
  return true;
}

void HostsFile::begin(sys::Fd file, std::size_t bytes) {
  file_ = std::move(file);
  indexed_ = 0;
  text_.clear();
  text_.reserve(bytes + kPieceBytes);
  entries_.clear();
  entries_.reserve(bytes / kBytesPerName);
  buckets_.assign(std::bit_ceil(bytes / kBytesPerName + 1), kNone);
}

void HostsFile::step() {
  const std::size_t before = text_.size();
  text_.resize(before + kPieceBytes);
  const sys::Io io =
      sys::read_at(file_.get(), before, std::as_writable_bytes(std::span{text_}.subspan(before)));
  text_.resize(before + (io.outcome == sys::Outcome::done ? io.bytes : 0));
  const bool last = io.outcome != sys::Outcome::done || text_.size() >= kBytesMax;
  if (before == 0) indexed_ = text_.size() - base::without_byte_order_mark(text_).size();
  index_lines(before, last);
  if (last) file_.reset();
}

// Adds the lines that end at or after `from`. The `last` line of the file may lack its end; a line longer
// than a piece is cut.
void HostsFile::index_lines(std::size_t from, bool last) {
  for (;;) {
    std::size_t end = text_.find('\n', std::max(from, indexed_));
    if (end == std::string::npos) {
      end = text_.size();
      const std::size_t length = end - indexed_;
      if (length == 0 || (!last && length < kPieceBytes)) return;
    }
    index_line(static_cast<std::uint32_t>(indexed_), static_cast<std::uint32_t>(end));
    indexed_ = std::min(end + 1, text_.size());
  }
}

void HostsFile::index_line(std::uint32_t begin, std::uint32_t end) {
  std::string_view rest = std::string_view{text_}.substr(begin, end - begin);
  std::string_view line = next_line(rest);
  next_word(line);  // the address: read when it is asked for
  for (std::string_view name = next_word(line); !name.empty(); name = next_word(line)) {
    name = base::without_final_dot(name);
    if (name.size() > http::kHostBytesMax) continue;
    std::uint32_t& bucket = buckets_[bucket_of(name)];
    entries_.push_back({static_cast<std::uint32_t>(name.data() - text_.data()), begin, bucket,
                        static_cast<std::uint16_t>(name.size())});
    bucket = static_cast<std::uint32_t>(entries_.size() - 1);
  }
}

// FNV-1a, without regard to case. Only the administrator chooses the names in the file.
std::size_t HostsFile::bucket_of(std::string_view name) const noexcept {
  std::uint32_t hash = 2166136261;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(base::lower(c))) * 16777619;
  return hash & (buckets_.size() - 1);
}

void HostsFile::find(std::string_view name, std::vector<sys::Address>& out) const {
  if (buckets_.empty()) return;
  const std::size_t before = out.size();
  for (std::uint32_t i = buckets_[bucket_of(name)]; i != kNone; i = entries_[i].next) {
    if (!base::equals_ignoring_case(name_of(entries_[i]), name)) continue;
    std::string_view line = std::string_view{text_}.substr(entries_[i].line_at);
    sys::Address address;
    if (sys::parse_scoped_ip(next_word(line), 0, address)) out.push_back(address);
  }
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(before), out.end());
}

}  // namespace net

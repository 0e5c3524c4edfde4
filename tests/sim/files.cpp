// Files of the simulated kernel: a tree in memory, with paths resolved as by src/sys/beneath.cpp.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernel.hpp"

namespace sim {
namespace {

using Kind = sys::FileStatus::Kind;

std::deque<std::string> segments(std::string_view path) {
  std::deque<std::string> all;
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(segment.size() + 1, path.size()));
    if (!segment.empty() && segment != ".") all.emplace_back(segment);
  }
  return all;
}

}  // namespace

World::Node& World::put_node(const std::string& path, Kind kind, const std::string& text,
                             std::int64_t changed_s) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    if (tree.find(path.substr(0, slash)) == tree.end())
      put_node(path.substr(0, slash), Kind::directory, "", changed_s);
  auto node = std::make_shared<Node>();
  node->text = text;
  node->status = {.kind = kind,
                  .world_readable = true,
                  .world_searchable = true,
                  .device = 1,
                  .inode = ++inodes_,
                  .size = text.size(),
                  .modified_ns = changed_s * 1'000'000'000,
                  .changed_ns = changed_s * 1'000'000'000};
  tree[path] = node;
  return *node;
}

World::Node& World::put_file(const std::string& path, const std::string& text, std::int64_t changed_s) {
  return put_node(path, Kind::regular, text, changed_s);
}

sys::Opened World::open_node(const std::string& path, const std::shared_ptr<Node>& node) {
  const int fd = allocate();
  if (fd < 0) return {sys::Fd{}, EMFILE};
  auto file = std::make_unique<Description>();
  file->kind = Description::Kind::file;
  file->path = path;
  file->node = node;
  files_[static_cast<std::size_t>(fd) - 3] = std::move(file);
  return {sys::Fd{fd}, 0};
}

std::size_t World::open_nodes() const {
  return static_cast<std::size_t>(std::count_if(files_.begin(), files_.end(), [](const auto& file) {
    return file && file->kind == Description::Kind::file;
  }));
}

sys::Opened World::open_directory(const std::string& path) {
  const auto found =
      tree.find(path.size() > 1 && path.back() == '/' ? path.substr(0, path.size() - 1) : path);
  if (found == tree.end()) return {sys::Fd{}, ENOENT};
  if (found->second->status.kind != Kind::directory) return {sys::Fd{}, ENOTDIR};
  return open_node(found->first, found->second);
}

sys::Opened World::open_file(const std::string& path) {
  const auto found = tree.find(path);
  return found == tree.end() ? sys::Opened{sys::Fd{}, ENOENT} : open_node(found->first, found->second);
}

sys::Opened World::open_beneath(int folder, const std::string& path, sys::Access access) {
  charge(Price::kFileOpened);
  ++(access == sys::Access::read ? files_opened : files_looked_at);
  const std::string root = at(folder).path;
  std::string here = root;
  std::deque<std::string> rest = segments(path);
  std::shared_ptr<Node> node = at(folder).node;
  for (int links = 0; !rest.empty();) {
    const std::string name = rest.front();
    rest.pop_front();
    if (node->status.kind != Kind::directory) return {sys::Fd{}, ENOTDIR};
    if (name == ".." && here == root) return {sys::Fd{}, EXDEV};
    const std::string next = name == ".." ? here.substr(0, here.rfind('/')) : here + '/' + name;
    const auto found = tree.find(next);
    if (found == tree.end()) return {sys::Fd{}, ENOENT};
    if (found->second->status.kind != Kind::link) {
      if (found->second->status.kind == Kind::directory && !found->second->status.world_searchable)
        return {sys::Fd{}, EACCES};
      if (found->second->status.kind == Kind::other && access == sys::Access::read)
        return {sys::Fd{}, EACCES};
      here = next;
      node = found->second;
      continue;
    }
    if (++links > 40) return {sys::Fd{}, ELOOP};
    if (found->second->text.starts_with('/')) return {sys::Fd{}, EXDEV};
    const std::deque<std::string> target = segments(found->second->text);
    rest.insert(rest.begin(), target.begin(), target.end());
  }
  return open_node(here, node);
}

int World::status_of(int fd, sys::FileStatus& status) {
  if (at(fd).inode != 0) {
    status = {.kind = sys::FileStatus::Kind::regular, .inode = at(fd).inode};
    return 0;
  }
  if (at(fd).node == nullptr) return EBADF;
  status = at(fd).node->status;
  return 0;
}

sys::Io World::read_at(int fd, std::uint64_t offset, std::span<std::byte> into) {
  ++files_read;
  if (at(fd).node == nullptr) return {sys::Outcome::fail, EBADF, 0};
  const std::string& text = at(fd).node->text;
  if (offset >= text.size()) return {sys::Outcome::eof, 0, 0};
  const std::size_t most = std::min(into.size(), text.size() - static_cast<std::size_t>(offset));
  const std::size_t count = chooser_.once_in(temper_.short_io) ? chooser_.some(most) : most;
  std::memcpy(into.data(), text.data() + offset, count);
  charge(count / Price::kFileBytes);
  return {sys::Outcome::done, 0, count};
}

int World::read_directory(int fd, std::vector<sys::DirectoryEntry>& out, bool& end) {
  constexpr std::size_t kMost = 50;
  const std::string above = at(fd).path + '/';
  std::string& last = at(fd).listed;
  const std::size_t before = out.size();
  auto next = tree.upper_bound(last.empty() ? above : last);
  for (; next != tree.end() && next->first.starts_with(above) && out.size() < before + kMost; ++next) {
    if (next->first.find('/', above.size()) != std::string::npos) continue;
    last = next->first;
    out.push_back({last.substr(above.size()), next->second->status});
  }
  names_listed += out.size() - before;
  charge(Price::kNameListed * (out.size() - before));
  end = out.size() == before;
  return 0;
}

}  // namespace sim

namespace sys {

using sim::World;

Opened open_directory(const char* path) noexcept { return World::current().open_directory(path); }
Opened open_file(const char* path) noexcept { return World::current().open_file(path); }
Opened open_beneath(const Fd& folder, const char* path, Access access) {
  return World::current().open_beneath(folder.get(), path, access);
}
int status_of(const Fd& file, FileStatus& status) noexcept {
  return World::current().status_of(file.get(), status);
}
Io read_at(int file, std::uint64_t offset, std::span<std::byte> into) noexcept {
  return World::current().read_at(file, offset, into);
}
// Reads and sends, as the kernel does.
Io raw::send_file(const Fd& socket, int file, std::uint64_t& offset, std::size_t bytes) noexcept {
  std::vector<std::byte> piece(std::min<std::size_t>(bytes, 65'536));
  const Io read = read_at(file, offset, piece);
  if (read.outcome != Outcome::done) return read;
  const Io io = raw::transmit(socket, std::span{piece}.first(read.bytes));
  if (io.outcome == Outcome::done) offset += io.bytes;
  return io;
}
int read_directory(const Fd& folder, std::vector<DirectoryEntry>& out, bool& end) {
  return World::current().read_directory(folder.get(), out, end);
}

}  // namespace sys

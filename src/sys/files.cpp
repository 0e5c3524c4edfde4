// Served files: status, reading, sendfile(2) and directory entries, on Linux.
#include <dirent.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "calls.hpp"
#include "raw.hpp"

namespace sys {
namespace {

using namespace calls;

constexpr std::int64_t nanoseconds(const timespec& time) noexcept {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStatus::Kind kind_of(mode_t mode) noexcept {
  using Kind = FileStatus::Kind;
  if (S_ISREG(mode)) return Kind::regular;
  if (S_ISDIR(mode)) return Kind::directory;
  return S_ISLNK(mode) ? Kind::link : Kind::other;
}

FileStatus from_kernel(const struct stat& in) noexcept {
  return {.kind = kind_of(in.st_mode),
          .world_readable = (in.st_mode & S_IROTH) != 0,
          .world_searchable = (in.st_mode & S_IXOTH) != 0,
          .device = in.st_dev,
          .inode = in.st_ino,
          .size = static_cast<std::uint64_t>(in.st_size),
          .modified_ns = nanoseconds(in.st_mtim),
          .changed_ns = nanoseconds(in.st_ctim)};
}

// Adds one entry, unless it was removed meanwhile.
void add(const Fd& directory, const char* name, std::vector<DirectoryEntry>& out) {
  struct stat status {};
  if (::fstatat(directory.get(), name, &status, AT_SYMLINK_NOFOLLOW) == 0)
    out.push_back({name, from_kernel(status)});
}

}  // namespace

Opened open_directory(const char* path) noexcept {
  return opened(uninterrupted([&] { return ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }));
}

int status_of(const Fd& file, FileStatus& status) noexcept {
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return errno;
  status = from_kernel(found);
  return 0;
}

int remove_file(const char* path, const FileStatus& file) noexcept {
  struct stat found {};
  if (::lstat(path, &found) != 0) return errno;
  const FileStatus there = from_kernel(found);
  if (there.device != file.device || there.inode != file.inode) return ESTALE;
  return ::unlink(path) == 0 ? 0 : errno;
}

Io read_at(int file, std::uint64_t offset, std::span<std::byte> into) noexcept {
  return io_result(
      uninterrupted([&] { return ::pread(file, into.data(), into.size(), static_cast<off_t>(offset)); }));
}

Io raw::send_file(const Fd& socket, int file, std::uint64_t& offset, std::size_t bytes) noexcept {
  auto position = static_cast<off_t>(offset);
  const Io io = io_result(uninterrupted([&] { return ::sendfile(socket.get(), file, &position, bytes); }));
  if (io.outcome == Outcome::done) offset += io.bytes;
  return io;
}

int read_directory(const Fd& directory, std::vector<DirectoryEntry>& out, bool& end) {
  alignas(dirent64) std::array<char, 4096> room;  // an entry has at least 24 bytes
  const ssize_t length = ::getdents64(directory.get(), room.data(), room.size());
  if (length < 0) return errno;
  end = length == 0;
  for (ssize_t at = 0; at < length;) {
    const auto* const entry = reinterpret_cast<const dirent64*>(room.data() + at);
    at += entry->d_reclen;
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      add(directory, entry->d_name, out);
  }
  return 0;
}

}  // namespace sys

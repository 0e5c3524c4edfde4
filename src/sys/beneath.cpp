// Opens paths below a directory and never outside of it, one component at a time: openat2(2) would not show
// the permissions of the directories on the path.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <string>
#include <vector>

#include "calls.hpp"
#include "sys.hpp"

namespace sys {
namespace {

using namespace calls;

constexpr int kLinksMax = 40;  // symbolic links in one path, as in path_resolution(7)

constexpr int flags_for(Access access) noexcept {
  return access == Access::look ? O_PATH | O_CLOEXEC : O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
}

int open_at(int directory, const char* name, int flags) noexcept {
  return static_cast<int>(uninterrupted([&] { return ::openat(directory, name, flags); }));
}

// Other users may search each directory, or the file is not for them, whatever its own mode. A device or a
// FIFO is not opened for reading: its driver, or the program at the other end, would notice.
bool may_open(mode_t mode, int flags) noexcept {
  if (S_ISDIR(mode)) return (mode & S_IXOTH) != 0;
  return S_ISREG(mode) || (flags & O_PATH) != 0;
}

// Resolves a path one component at a time. The kernel follows no symbolic link here, and ".." returns to the
// directory visited before, even if that was moved meanwhile.
class Walk {
 public:
  Walk(const Fd& directory, std::string path) : directory_(directory.get()), rest_(std::move(path)) {}

  // Opens the end of the path with `flags`.
  Opened open_end(int flags) {
    while (!rest_.empty()) {
      if (rest_.front() == '/') return failed(EXDEV);
      const std::string name = next_name();
      if (name == ".") continue;
      if (name == "..") {
        if (above_.empty()) return failed(EXDEV);
        above_.pop_back();
        continue;
      }
      const bool is_last = rest_.empty() && !to_directory_;
      if (Opened end = step(name, is_last, flags); end.fd || end.error != 0) return end;
    }
    return opened(open_at(here(), ".", flags));
  }

 private:
  [[nodiscard]] int here() const noexcept { return above_.empty() ? directory_ : above_.back().get(); }

  // Removes the first component of the rest and returns it.
  std::string next_name() {
    const std::size_t end = std::min(rest_.find('/'), rest_.size());
    std::string name = rest_.substr(0, end);
    to_directory_ = end < rest_.size();
    rest_.erase(0, std::min(rest_.find_first_not_of('/', end), rest_.size()));
    return name;
  }

  // Enters `name`. Returns neither a descriptor nor an error if the path goes on.
  Opened step(const std::string& name, bool is_last, int flags) {
    Opened found = opened(open_at(here(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!found.fd) return found;
    if (::fstat(found.fd.get(), &status) != 0) return failed(errno);
    if (S_ISLNK(status.st_mode)) return {Fd{}, follow(found.fd)};
    if (!may_open(status.st_mode, flags)) return failed(EACCES);
    if (is_last && (flags & O_PATH) != 0) return found;
    if (is_last) return opened(open_at(here(), name.c_str(), flags | O_NOFOLLOW));
    if (!S_ISDIR(status.st_mode)) return failed(ENOTDIR);
    above_.push_back(std::move(found.fd));
    return {Fd{}, 0};
  }

  // Puts the link's target before the rest of the path. Returns 0 or errno.
  int follow(const Fd& link) {
    std::array<char, PATH_MAX> target;
    const ssize_t length = ::readlinkat(link.get(), "", target.data(), target.size());
    if (length < 0) return errno;
    if (++links_ > kLinksMax) return ELOOP;
    if (target.front() == '/') return EXDEV;
    rest_ = std::string(target.data(), static_cast<std::size_t>(length)) + (to_directory_ ? "/" : "") + rest_;
    return rest_.size() < PATH_MAX ? 0 : ENAMETOOLONG;
  }

  int directory_;
  std::vector<Fd> above_;  // the directories entered, each inside the one before
  std::string rest_;
  bool to_directory_ = false;  // a "/" followed the last component
  int links_ = 0;
};

}  // namespace

Opened open_beneath(const Fd& directory, const char* path, Access access) {
  return Walk{directory, path}.open_end(flags_for(access));
}

}  // namespace sys

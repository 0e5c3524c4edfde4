// What lies below a folder, and never outside of it: by one call where the kernel has it, else step by step.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

constexpr int kLinksMax = 40;  // on one way, as path_resolution(7) has it

#ifdef PROXY_MEMCHECK
constexpr bool kMayAsk = false;  // valgrind does not know the call, and complains each time
#else
constexpr bool kMayAsk = true;
#endif

constexpr int flags_for(Access access) noexcept {
  return access == Access::look ? O_PATH | O_CLOEXEC : O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
}

int open_at(int folder, const char* name, int flags) noexcept {
  return static_cast<int>(uninterrupted([&] { return ::openat(folder, name, flags); }));
}

// A way that is walked one name at a time. No link is left to the kernel to follow, and ".." goes back to the
// folder that we came from, wherever that has been moved to.
class Walk {
 public:
  Walk(const Fd& folder, std::string path) : folder_(folder.get()), rest_(std::move(path)) {}

  Opened to_its_end(int flags) {
    while (!rest_.empty()) {
      if (rest_.front() == '/') return failed(EXDEV);
      const std::string name = next_name();
      if (name == ".") continue;
      if (name == "..") {
        if (above_.empty()) return failed(EXDEV);
        above_.pop_back();
        continue;
      }
      const bool is_last = rest_.empty() && !to_folder_;
      if (Opened end = step(name, is_last, flags); end.fd || end.error != 0) return end;
    }
    return opened(open_at(here(), ".", flags));
  }

 private:
  [[nodiscard]] int here() const noexcept { return above_.empty() ? folder_ : above_.back().get(); }

  // Takes it off the way.
  std::string next_name() {
    const std::size_t end = std::min(rest_.find('/'), rest_.size());
    std::string name = rest_.substr(0, end);
    to_folder_ = end < rest_.size();
    rest_.erase(0, std::min(rest_.find_first_not_of('/', end), rest_.size()));
    return name;
  }

  // Neither a descriptor nor an error: there is more of the way.
  Opened step(const std::string& name, bool is_last, int flags) {
    Opened found = opened(open_at(here(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (!found.fd) return found;
    if (::fstat(found.fd.get(), &status) != 0) return failed(errno);
    if (S_ISLNK(status.st_mode)) return {Fd{}, follow(found.fd)};
    if (is_last && (flags & O_PATH) != 0) return found;
    if (is_last) return opened(open_at(here(), name.c_str(), flags | O_NOFOLLOW));
    if (!S_ISDIR(status.st_mode)) return failed(ENOTDIR);
    above_.push_back(std::move(found.fd));
    return {Fd{}, 0};
  }

  // What the link holds is walked before the rest. 0, or errno.
  int follow(const Fd& link) {
    std::array<char, PATH_MAX> target;
    const ssize_t length = ::readlinkat(link.get(), "", target.data(), target.size());
    if (length < 0) return errno;
    if (++links_ > kLinksMax) return ELOOP;
    if (target.front() == '/') return EXDEV;
    rest_ = std::string(target.data(), static_cast<std::size_t>(length)) + (to_folder_ ? "/" : "") + rest_;
    return rest_.size() < PATH_MAX ? 0 : ENAMETOOLONG;
  }

  int folder_;
  std::vector<Fd> above_;  // the folders on the way, each in the one before
  std::string rest_;
  bool to_folder_ = false;  // a "/" stood behind the last name
  int links_ = 0;
};

}  // namespace

Opened open_beneath_by_steps(const Fd& folder, const char* path, Access access) {
  return Walk{folder, path}.to_its_end(flags_for(access));
}

Opened open_beneath(const Fd& folder, const char* path, Access access) {
  static bool has_call = kMayAsk;
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags_for(access));
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (*path == '\0') path = ".";
  // EAGAIN: something was renamed meanwhile, and the kernel cannot tell whether the way is safe (openat2(2)).
  for (int tries = 0; has_call && tries < 8; ++tries) {
    const auto fd = static_cast<int>(
        uninterrupted([&] { return ::syscall(SYS_openat2, folder.get(), path, &how, sizeof how); }));
    if (fd >= 0) return opened(fd);
    // Older than Linux 5.6, or forbidden by a sandbox that is.
    has_call = errno != ENOSYS && errno != EPERM;
    if (has_call && errno != EAGAIN) return failed(errno);
  }
  return has_call ? failed(EAGAIN) : open_beneath_by_steps(folder, path, access);
}

}  // namespace sys

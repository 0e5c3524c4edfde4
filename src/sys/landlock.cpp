// Limits the files of this process, on Linux. The interface is written out here, because it is newer than the
// headers of many systems.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "calls.hpp"
#include "sandbox.hpp"

namespace sys {
namespace {

using namespace calls;

// The same numbers on all processors.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1, kPathBeneath = 1;

// Bits of access to the file system, each with the version that has it.
enum Bit : std::uint64_t {
  kExecute = 1U << 0,
  kWriteFile = 1U << 1,
  kReadFile = 1U << 2,
  kReadDirectory = 1U << 3,
  kRemoveDirectory = 1U << 4,
  kRemoveFile = 1U << 5,
  kMakeFile = 1U << 8,
  kMakeAny = 0x1fc0,       // bits 6 to 12: devices, directories, files, sockets, FIFOs, links
  kRefer = 1U << 13,       // version 2: link or rename into another directory
  kTruncate = 1U << 14,    // version 3
  kDeviceIoctl = 1U << 15  // version 5
};
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceIoctl;

struct Ruleset {
  std::uint64_t files = 0, ports = 0, scopes = 0;
};
struct [[gnu::packed]] PathRule {
  std::uint64_t allowed;
  std::int32_t directory;
};

// What a version of the interface can refuse; all of it is refused.
Ruleset all_of(int version) noexcept {
  constexpr std::uint64_t kSignals = 1U << 1;  // version 6: to processes outside of the sandbox
  Ruleset out{.files = kExecute | kWriteFile | kReadFile | kReadDirectory | kRemoveDirectory | kRemoveFile |
                       kMakeAny};
  if (version >= 2) out.files |= kRefer;
  if (version >= 3) out.files |= kTruncate;
  if (version >= 5) out.files |= kDeviceIoctl;
  if (version >= 6) out.scopes = kSignals;
  return out;
}

constexpr std::uint64_t bits_of(PathUse use) noexcept {
  switch (use) {
    case PathUse::read: return kReadFile | kReadDirectory;
    case PathUse::append: return kWriteFile | kMakeFile;
    case PathUse::record: return kWriteFile | kMakeFile | kRemoveFile | kTruncate;
    case PathUse::remove: break;
  }
  return kRemoveFile;
}

bool is_of_proc(const Fd& place) noexcept {
  struct statfs status {};
  return ::fstatfs(place.get(), &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

// Returns 0 or errno; ENOENT: there is nothing.
int add_rule(const Fd& ruleset, std::uint64_t handled, const UsedPath& path, FileLimits& out) {
  Opened place = opened(::open(path.path.c_str(), O_PATH | O_CLOEXEC));
  if (!place.fd) return place.error;
  struct stat status {};
  if (::fstat(place.fd.get(), &status) != 0) return errno;
  const std::uint64_t allowed =
      bits_of(path.use) & handled & (S_ISDIR(status.st_mode) ? ~std::uint64_t{0} : kOfFiles);
  const PathRule rule{allowed, place.fd.get()};
  // A file of no file system, such as a pipe at /dev/stdout, is not limited (EBADFD).
  if (allowed != 0 && ::syscall(kAddRule, ruleset.get(), kPathBeneath, &rule, 0) != 0 && errno != EBADFD)
    return errno;
  out.granted.push_back({status.st_dev, status.st_ino, path.use});
  if (is_of_proc(place.fd)) out.kept.push_back(std::move(place.fd));
  return 0;
}

// As `landlock_create_ruleset` reads them: an older version knows fewer.
std::size_t size_for(int version) noexcept {
  if (version >= 6) return sizeof(Ruleset);
  return version >= 4 ? offsetof(Ruleset, scopes) : offsetof(Ruleset, ports);
}

int limit(std::span<const UsedPath> paths, FileLimits& limits) {
  const Ruleset wanted = all_of(limits.version);
  const Opened ruleset =
      opened(static_cast<int>(::syscall(kCreateRuleset, &wanted, size_for(limits.version), 0)));
  if (!ruleset.fd) return ruleset.error;
  for (const UsedPath& path : paths)
    if (const int error = add_rule(ruleset.fd, wanted.files, path, limits);
        error != 0 && error != ENOENT && error != EACCES && error != ENOTDIR)
      return error;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return ::syscall(kRestrictSelf, ruleset.fd.get(), 0) == 0 ? 0 : errno;
}

}  // namespace

FileLimits restrict_files(std::span<const UsedPath> paths) {
  FileLimits limits;
  limits.version = static_cast<int>(::syscall(kCreateRuleset, nullptr, 0, kAskVersion));
  if (limits.version < 1) {
    limits.version = 0;
    limits.error = ENOSYS;  // also EPERM: a container's filter does not know these calls
    return limits;
  }
  limits.error = limit(paths, limits);
  return limits;
}

bool is_granted(std::span<const GrantedPath> granted, const char* path, PathUse use) noexcept {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  Fd place{::open(path, kFlags)};
  std::uint64_t device_below = 0, inode_below = 0;
  for (struct stat status{}; place && ::fstat(place.get(), &status) == 0;) {
    const auto is_here = [&status, use](const GrantedPath& one) {
      return one.device == status.st_dev && one.inode == status.st_ino && one.use == use;
    };
    if (std::any_of(granted.begin(), granted.end(), is_here)) return true;
    if (device_below == status.st_dev && inode_below == status.st_ino) return false;  // the root
    device_below = status.st_dev;
    inode_below = status.st_ino;
    place = Fd{::openat(place.get(), "..", kFlags)};
  }
  return false;
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> found{::realpath(path.c_str(), nullptr), std::free};
  return found ? std::string{found.get()} : std::string{};
}

}  // namespace sys

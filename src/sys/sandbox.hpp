// The sandbox: what this process may do after its start. A process cannot leave it.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "sys.hpp"

namespace sys {

// Returns 0 if this process can have a sandbox. ENOSYS: this kernel has no seccomp, or the processor is
// neither x86-64 nor arm64. ENOTSUP: this process runs under valgrind or has sanitizers, which need more
// calls.
int check_sandbox() noexcept;

// ---- system calls (seccomp(2)) ---------------------------------------------------------------------------
// Takes from this process the right to gain privileges (PR_SET_NO_NEW_PRIVS), and all system calls but those
// of the table in sandbox.cpp. Another call fails with ENOSYS, and with EPERM if its arguments are the
// reason; standard error names it, once. A call that starts a program or a thread, or that reaches into
// another process, ends this one with SIGABRT instead (`on_crash`). Returns 0 or errno. REQUIRES:
// check_sandbox() is 0.
int restrict_calls() noexcept;

// ---- files (landlock(7)) ---------------------------------------------------------------------------------
enum class PathUse : std::uint8_t {
  read,    // files and directories
  append,  // open files for writing, and create them
  record,  // the same, and remove them
  remove,  // remove files
};
// What is used at `path`, and beneath it if it is a directory.
struct UsedPath {
  std::string path;
  PathUse use;
};
// A path as it was when the sandbox began.
struct GrantedPath {
  std::uint64_t device, inode;
  PathUse use;
};
struct FileLimits {
  int error = 0;    // errno; ENOSYS: this kernel has no Landlock, or it is switched off
  int version = 0;  // of the kernel's interface
  std::vector<GrantedPath> granted;
  // Directories of proc(5): the kernel forgets the grant of one that is not open.
  std::vector<Fd> kept;
};
// From now on, this process uses files only as `paths` allow; open ones stay usable, and stat(2) works. A
// path that does not exist is left out. REQUIRES: the result lives as long as the process, and
// `restrict_calls` comes later.
FileLimits restrict_files(std::span<const UsedPath> paths);
// Returns true if the directory `path`, or one above it, was granted for `use`.
bool is_granted(std::span<const GrantedPath> granted, const char* path, PathUse use) noexcept;
// The absolute path without symbolic links (realpath(3)); empty: there is nothing.
std::string real_path(const std::string& path);

}  // namespace sys

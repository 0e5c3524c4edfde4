// The sandbox on Linux: a child process of the test enters it and tries what is forbidden.
#include "../../../src/sys/sandbox.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using std::string;
using sys::PathUse;

struct Ended {
  int status = 0;  // as waitpid(2) returns it
  string said;     // on standard error
  [[nodiscard]] bool returned(int code) const { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
  [[nodiscard]] bool aborted() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT; }
};

// Runs `act` in a child process. Its exit status is the result of `act`.
Ended in_child(const std::function<int()>& act) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit no_core{};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::_exit(act());
  }
  ::close(ends[1]);
  Ended ended;
  std::array<char, 4096> piece;
  for (ssize_t count = 0; (count = ::read(ends[0], piece.data(), piece.size())) > 0;)
    ended.said.append(piece.data(), static_cast<std::size_t>(count));
  ::close(ends[0]);
  EXPECT_EQ(::waitpid(child, &ended.status, 0), child);
  return ended;
}

// What a call did in the sandbox: 0 or errno.
template <class Call>
Ended limited(Call call) {
  return in_child([&call] {
    constexpr int kNoSandbox = 200;
    if (sys::restrict_calls() != 0) return kNoSandbox;
    return call() == -1 ? errno : 0;
  });
}

class Calls : public testing::Test {
 protected:
  void SetUp() override {
    if (sys::check_sandbox() != 0) GTEST_SKIP() << "no sandbox in this build or on this kernel";
  }
};

struct Case {
  const char* name;
  std::function<long()> call;
};

// On memory that is there: the filter looks at the argument only.
long protect(int protection) {
  alignas(4096) static std::array<char, 4096> page;
  return ::mprotect(page.data(), page.size(), protection);
}

TEST_F(Calls, ArgumentsThatTheProxyDoesNotUseAreRefused) {
  const int other = ::getppid();
  rlimit limit{};
  char byte = 'x';
  const Case cases[] = {
      {"socket", [] { return ::socket(AF_PACKET, SOCK_RAW, 0); }},
      {"socket", [] { return ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }},
      {"socket", [] { return ::socket(AF_INET6, SOCK_SEQPACKET, 0); }},
      {"socket", [] { return ::socket(AF_VSOCK, SOCK_STREAM, 0); }},
      {"socket", [] { return ::socket(AF_ALG, SOCK_SEQPACKET, 0); }},
      {"socket", [] { return ::socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT); }},
      {"mprotect", [] { return protect(PROT_READ | PROT_EXEC); }},
      {"mmap",
       [] {
         void* const made =
             ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return made == MAP_FAILED ? -1 : 0;
       }},
      {"ioctl", [&byte] { return ::ioctl(0, TIOCSTI, &byte); }},
      {"tgkill", [other] { return ::syscall(SYS_tgkill, other, other, 0); }},
      {"prlimit64", [other, &limit] { return ::prlimit(other, RLIMIT_NOFILE, nullptr, &limit); }},
  };
  for (const Case& one : cases) {
    const Ended ended = limited(one.call);
    EXPECT_TRUE(ended.returned(EPERM)) << one.name << ' ' << ended.status;
    EXPECT_EQ(ended.said,
              "proxy: sandbox: refused " + string{one.name} +
                  " with these arguments; if the proxy needs it, use --no-sandbox and report it\n");
  }
}

TEST_F(Calls, CallsThatTheProxyDoesNotUseLookAsIfTheKernelHadNone) {
  std::array<int, 2> pair{};
  const Case cases[] = {
      {"socketpair", [&pair] { return ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()); }},
      {"mount", [] { return ::syscall(SYS_mount, "a", "/a", "tmpfs", 0, nullptr); }},
      {"unshare", [] { return ::syscall(SYS_unshare, 0); }},
      {"chroot", [] { return ::chroot("/"); }},
      {"memfd_create", [] { return ::syscall(SYS_memfd_create, "a", 0); }},
      {"io_uring_setup", [] { return ::syscall(425, 1, nullptr); }},
      {"pidfd_open", [] { return ::syscall(434, ::getpid(), 0); }},
      {"perf_event_open", [] { return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
      {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, 0); }},
      {"keyctl", [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
      {"seccomp", [] { return ::syscall(SYS_seccomp, 0, 0, nullptr); }},
      {"renameat", [] { return ::syscall(SYS_renameat2, AT_FDCWD, "/a", AT_FDCWD, "/b", 0); }},
      {"symlinkat", [] { return ::symlinkat("/a", AT_FDCWD, "/b"); }},
      {"the last number", [] { return ::syscall(100'000); }},
  };
  for (const Case& one : cases) {
    const Ended ended = limited(one.call);
    EXPECT_TRUE(ended.returned(ENOSYS)) << one.name << ' ' << ended.status;
    EXPECT_EQ(ended.said.find("proxy: sandbox: refused system call "), 0U) << one.name << ended.said;
  }
}

TEST_F(Calls, WhatOnlyAnAttackerNeedsEndsTheProcess) {
  const char* const none[] = {nullptr};
  const int other = ::getppid();
  const Case cases[] = {
      {"execve", [&none] { return ::execve("/bin/true", const_cast<char**>(none), nullptr); }},
      {"execveat", [&none] { return ::syscall(SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0); }},
#ifdef SYS_fork
      {"fork", [] { return ::syscall(SYS_fork); }},
      {"vfork", [] { return ::syscall(SYS_vfork); }},
#endif
      {"clone", [] { return ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr); }},
      {"clone3", [] { return ::syscall(SYS_clone3, nullptr, 0); }},
      {"ptrace", [] { return ::syscall(SYS_ptrace, 0, 0, nullptr, nullptr); }},
      {"process_vm_readv",
       [] { return ::syscall(SYS_process_vm_readv, ::getpid(), nullptr, 0, nullptr, 0, 0); }},
      {"kill", [other] { return ::kill(other, 0); }},
      {"setuid", [] { return ::syscall(SYS_setuid, 0); }},
      {"bpf", [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
  };
  for (const Case& one : cases) {
    const Ended ended = limited(one.call);
    EXPECT_TRUE(ended.aborted()) << one.name << ' ' << ended.status;
    EXPECT_EQ(ended.said.find("proxy: sandbox: refused " + string{one.name} + ": the proxy "), 0U)
        << ended.said;
  }
}

TEST_F(Calls, ARefusedCallIsReportedOnce) {
  const Ended ended = limited([] {
    for (int i = 0; i < 3; ++i) ::socket(AF_PACKET, SOCK_RAW, 0);
    return ::socket(AF_ALG, SOCK_SEQPACKET, 0);
  });
  EXPECT_TRUE(ended.returned(EPERM));
  EXPECT_EQ(ended.said.find('\n'), ended.said.size() - 1) << ended.said;
}

// A process that ignores or blocks the signal gets no further.
TEST_F(Calls, TheSignalCannotBeAvoided) {
  for (const bool blocks : {false, true}) {
    const Ended ended = limited([blocks] {
      sigset_t all;
      sigfillset(&all);
      if (blocks)
        ::sigprocmask(SIG_BLOCK, &all, nullptr);
      else
        ::signal(SIGSYS, SIG_IGN);
      return ::syscall(SYS_unshare, 0);
    });
    EXPECT_TRUE(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGSYS) << ended.status;
  }
}

#ifdef __x86_64__
// The calls of the 32-bit interface have other numbers: 20 is getpid(2) there and writev(2) here.
TEST_F(Calls, OfAnotherInterfaceEndTheProcess) {
  const Ended ended = limited([] {
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return 0;
  });
  EXPECT_TRUE(WIFSIGNALED(ended.status)) << ended.status;
  EXPECT_TRUE(limited([] { return ::syscall(0x40000000L + SYS_getpid); }).returned(ENOSYS));
}
#endif

TEST_F(Calls, WhatTheProxyNeedsGoesOn) {
  const Ended ended = limited([]() -> int {
    for (const int type : std::initializer_list<int>{SOCK_STREAM, SOCK_DGRAM, SOCK_STREAM | SOCK_NONBLOCK})
      for (const int family : {AF_INET, AF_UNIX})
        if (::socket(family, type, 0) < 0) return -1;
    std::vector<sys::OwnAddress> own;
    std::string text;
    if (sys::own_addresses(own) != 0 || own.empty() || !sys::watch_addresses().fd) return -1;
    if (sys::interface_index("lo") == 0 || sys::read_file("/proc/self/statm", 4096, text) != 0) return -1;
    const std::string large(std::size_t{64} << 20, 'x');
    return sys::make_pipe().error == 0 && sys::process_figures().descriptors > 0 && large.back() == 'x' ? 0
                                                                                                        : -1;
  });
  EXPECT_TRUE(ended.returned(0)) << ended.status;
  EXPECT_EQ(ended.said, "");
}

// A crash still has its effect.
TEST_F(Calls, ACrashEndsTheProcess) {
  const Ended ended = limited([]() -> int { std::abort(); });
  EXPECT_TRUE(ended.aborted());
  EXPECT_EQ(ended.said, "");
}

// ---- files -----------------------------------------------------------------------------------------------

class Files : public testing::Test {
 protected:
  void SetUp() override {
    string pattern = fs::temp_directory_path() / "sandbox-XXXXXX";
    base_ = ::mkdtemp(pattern.data());
    for (const char* const folder : {"read", "read/deep", "log", "record", "other"})
      fs::create_directory(base_ / folder);
    for (const char* const file : {"read/a", "read/deep/b", "log/old", "record/old", "other/c"})
      std::ofstream{base_ / file} << "text";
    fs::create_symlink(base_ / "other" / "c", base_ / "read" / "out");
    allowed_ = {{base_ / "read", PathUse::read},
                {base_ / "log", PathUse::append},
                {base_ / "record", PathUse::record},
                {base_ / "missing", PathUse::read},
                {"/dev/null", PathUse::append}};
  }
  void TearDown() override { fs::remove_all(base_); }

  // What `call` does with these paths allowed: 0 or errno.
  int tried(const std::function<int()>& call) const {
    constexpr int kNoSandbox = 200;
    const Ended ended = in_child([this, &call] {
      if (sys::restrict_files(allowed_).error != 0) return kNoSandbox;
      return call() == -1 ? errno : 0;
    });
    EXPECT_TRUE(WIFEXITED(ended.status));
    return WEXITSTATUS(ended.status);
  }
  int open(const string& name, int flags) const {
    const fs::path path = base_ / name;
    return tried([&path, flags] { return ::open(path.c_str(), flags, 0600); });
  }
  [[nodiscard]] bool is_missing() const {
    return tried([] { return 0; }) != 0;
  }

  fs::path base_;
  std::vector<sys::UsedPath> allowed_;
};

TEST_F(Files, OnlyTheAllowedPathsAreOpened) {
  if (is_missing()) GTEST_SKIP() << "this kernel has no Landlock";
  const struct {
    const char* path;
    int flags, error;
  } rows[] = {
      {"read/a", O_RDONLY, 0},
      {"read/deep/b", O_RDONLY, 0},
      {"read/deep", O_RDONLY | O_DIRECTORY, 0},
      {"read/a", O_WRONLY, EACCES},
      {"read/new", O_WRONLY | O_CREAT, EACCES},
      {"read/out", O_RDONLY, EACCES},  // a link to other/c
      {"read/../other/c", O_RDONLY, EACCES},
      {"other/c", O_RDONLY, EACCES},
      {"other/c", O_WRONLY | O_APPEND, EACCES},
      {"other", O_RDONLY | O_DIRECTORY, EACCES},
      {"log/old", O_WRONLY | O_APPEND | O_CREAT, 0},
      {"log/new", O_WRONLY | O_APPEND | O_CREAT, 0},
      {"log/old", O_RDONLY, EACCES},
      {"record/new", O_WRONLY | O_CREAT | O_EXCL, 0},
      {"record/old", O_RDONLY, EACCES},
      {"/dev/null", O_WRONLY, 0},
      {"/etc/passwd", O_RDONLY, EACCES},
      {"/bin/sh", O_RDONLY, EACCES},
  };
  for (const auto& row : rows)
    EXPECT_EQ(open(row.path, row.flags), row.error) << row.path << ' ' << row.flags;
}

TEST_F(Files, OnlyRecordingsAreRemovedAndNothingIsMoved) {
  if (is_missing()) GTEST_SKIP() << "this kernel has no Landlock";
  const auto path = [this](const char* name) { return (base_ / name).string(); };
  EXPECT_EQ(tried([&] { return ::unlink(path("record/old").c_str()); }), 0);
  EXPECT_EQ(tried([&] { return ::unlink(path("log/old").c_str()); }), EACCES);
  EXPECT_EQ(tried([&] { return ::unlink(path("read/a").c_str()); }), EACCES);
  EXPECT_EQ(tried([&] { return ::rename(path("read/a").c_str(), path("log/a").c_str()); }), EACCES);
  EXPECT_EQ(tried([&] { return ::mkdir(path("record/folder").c_str(), 0700); }), EACCES);
  EXPECT_EQ(tried([&] { return ::symlink("/etc", path("record/link").c_str()); }), EACCES);
}

TEST_F(Files, OpenFilesStayUsable) {
  if (is_missing()) GTEST_SKIP() << "this kernel has no Landlock";
  const sys::Opened before = sys::open_file((base_ / "other" / "c").c_str());
  std::array<std::byte, 4> bytes{};
  EXPECT_EQ(tried([&] { return sys::read_at(before.fd.get(), 0, bytes).bytes == 4 ? 0 : -1; }), 0);
}

TEST_F(Files, AGrantHoldsForADirectoryAndNotForItsName) {
  if (is_missing()) GTEST_SKIP() << "this kernel has no Landlock";
  const Ended ended = in_child([this] {
    const sys::FileLimits limits = sys::restrict_files(allowed_);
    const auto has = [&](const char* name, PathUse use) {
      return sys::is_granted(limits.granted, (base_ / name).c_str(), use);
    };
    const bool good =
        has("read", PathUse::read) && has("read/deep", PathUse::read) && has("record", PathUse::record);
    const bool bad = has("other", PathUse::read) || has(".", PathUse::read) || has("read", PathUse::record) ||
                     has("missing", PathUse::read) || has("read/../other", PathUse::read);
    return good && !bad ? 0 : 1;
  });
  EXPECT_TRUE(ended.returned(0));
  const sys::FileLimits empty;
  EXPECT_FALSE(sys::is_granted(empty.granted, "/", PathUse::read));
  // Another directory takes the name.
  const Ended replaced = in_child([this] {
    fs::create_directory(base_ / "next");
    struct stat status {};
    ::stat((base_ / "read").c_str(), &status);
    const sys::GrantedPath granted{status.st_dev, status.st_ino, PathUse::read};
    fs::rename(base_ / "read", base_ / "gone");
    fs::rename(base_ / "next", base_ / "read");
    return sys::is_granted({&granted, 1}, (base_ / "read").c_str(), PathUse::read) ? 1 : 0;
  });
  EXPECT_TRUE(replaced.returned(0));
}

TEST_F(Files, TheRealPathHasNoLinks) {
  EXPECT_EQ(sys::real_path(base_ / "read" / "out"), fs::canonical(base_ / "other" / "c").string());
  EXPECT_EQ(sys::real_path(base_ / "missing"), "");
}

}  // namespace

// Limits the system calls of this process, on Linux: a filter (seccomp(2)) that is made from a table.
#include "sandbox.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <string_view>
#include <utility>

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4
#endif

namespace sys {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__AARCH64EL__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;  // the numbers of the calls are not known
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(PROXY_MEMCHECK)
constexpr bool kInstrumented = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kInstrumented = true;
#else
constexpr bool kInstrumented = false;
#endif
#else
constexpr bool kInstrumented = false;
#endif

enum class Allow : std::uint8_t {
  always,
  never,           // ends the process
  not_executable,  // memory that cannot be executed
  sockets,         // of the families and types that the proxy uses
  controls,        // of ioctl(2): those that the proxy uses
  own_process,     // the first argument is 0 or this process
};

struct CallRow {
  std::string_view name, reason;
  int number;
  Allow allow;
};

// Calls of no row fail with ENOSYS: a newer C library then uses an older call, or reports an error.
constexpr CallRow kCalls[] = {
#define CALL(name, allow, reason) \
  CallRow { #name, reason, SYS_##name, Allow::allow }
    // the event loop and connections
    CALL(recvfrom, always, "recv(2)"),
    CALL(sendto, always, "send(2), syslog, reports to the service manager"),
    CALL(epoll_ctl, always, "watches descriptors"),
    CALL(epoll_pwait, always, "waits for events"),
    CALL(accept4, always, "accepts clients"),
    CALL(close, always, "closes descriptors"),
    CALL(socket, sockets, "opens sockets for TCP, DNS, syslog and the addresses of this machine"),
    CALL(connect, always, "connects them"),
    CALL(splice, always, "forwards long bodies"),
    CALL(sendfile, always, "sends files"),
    CALL(pipe2, always, "makes pipes for splice(2)"),
    CALL(shutdown, always, "closes one direction"),
    CALL(setsockopt, always, "TCP_NODELAY, SO_LINGER"),
    CALL(getsockopt, always, "SO_ERROR, TCP_INFO"),
    CALL(getsockname, always, "the address of a listener"),
    CALL(bind, always, "a reload opens listeners; getifaddrs(3)"),
    CALL(listen, always, "a reload opens listeners"),
    CALL(sendmsg, always, "a takeover passes listeners; getifaddrs(3)"),
    CALL(recvmsg, always, "a takeover; getifaddrs(3)"),
    CALL(ppoll, always, "asks whether the log can be written; the loop doctor"),
    CALL(ioctl, controls, "bytes in queues, the index of an interface"),
    CALL(fcntl, always, "the size of a pipe"),
    // files
    CALL(read, always, "signals and files"),
    CALL(write, always, "logs and recordings"),
    CALL(writev, always, "standard error of the C++ library"),
    CALL(pread64, always, "files"),
    CALL(lseek, always, "standard streams of the C library"),
    CALL(openat, always, "files, logs, configuration"),
    CALL(fstat, always, "the status of files"),
    CALL(newfstatat, always, "the same"),
    CALL(statx, always, "the same, on other C libraries"),
    CALL(getdents64, always, "listings"),
    CALL(faccessat, always, "realpath(3) after a reload"),
    CALL(faccessat2, always, "the same, for a path with a last / or .."),
    CALL(readlinkat, always, "symbolic links"),
    CALL(unlinkat, always, "old recordings, the socket of --takeover"),
    CALL(getcwd, always, "absolute paths in messages"),
    // memory, which cannot become code
    CALL(brk, always, "the heap"),
    CALL(mmap, not_executable, "the heap"),
    CALL(mprotect, not_executable, "the heap"),
    CALL(munmap, always, "the heap"),
    CALL(mremap, always, "the heap"),
    CALL(madvise, always, "gives memory back"),
    // time, signals, this process
    CALL(clock_gettime, always, "the clocks"),
    CALL(gettimeofday, always, "the clock"),
    CALL(getrandom, always, "keys, numbers of DNS queries"),
    CALL(getrusage, always, "the loop doctor: the cause of a slow turn"),
    CALL(prlimit64, own_process, "metrics"),
    CALL(sysinfo, always, "qsort(3)"),
    CALL(getpid, always, "raise(3)"),
    CALL(gettid, always, "raise(3)"),
    CALL(geteuid, always, "a takeover is for the same user"),
    CALL(tgkill, own_process, "raise(3): a crash has its usual effect"),
    CALL(rt_sigaction, always, "the same"),
    CALL(rt_sigprocmask, always, "the same"),
    CALL(rt_sigreturn, always, "the end of a signal handler"),
    CALL(sigaltstack, always, "the stack of the crash handler"),
    CALL(restart_syscall, always, "goes on after SIGCONT"),
    CALL(futex, always, "locks of the C library"),
    CALL(exit, always, "ends"),
    CALL(exit_group, always, "ends"),
#ifdef __x86_64__  // older forms of the above
    CALL(epoll_wait, always, "waits for events"),
    CALL(poll, always, "asks whether the log can be written; the loop doctor"),
    CALL(open, always, "files"),
    CALL(stat, always, "the status of files"),
    CALL(lstat, always, "the same"),
    CALL(access, always, "realpath(3) after a reload"),
    CALL(readlink, always, "symbolic links"),
    CALL(unlink, always, "old recordings, the socket of --takeover"),
    CALL(time, always, "the clock"),
    CALL(fork, never, "the proxy starts no process"),
    CALL(vfork, never, "the proxy starts no process"),
#endif
    CALL(clone, never, "the proxy starts no process and no thread"),
    CALL(clone3, never, "the proxy starts no process and no thread"),
    CALL(execve, never, "the proxy starts no program"),
    CALL(execveat, never, "the proxy starts no program"),
    CALL(ptrace, never, "the proxy reaches into no other process"),
    CALL(process_vm_readv, never, "the proxy reaches into no other process"),
    CALL(process_vm_writev, never, "the proxy reaches into no other process"),
    CALL(kill, never, "the proxy sends no signals"),
    CALL(setuid, never, "the proxy changes its user at the start only"),
    CALL(setresuid, never, "the proxy changes its user at the start only"),
    CALL(bpf, never, "the proxy adds nothing to the kernel"),
    CALL(init_module, never, "the proxy adds nothing to the kernel"),
    CALL(finit_module, never, "the proxy adds nothing to the kernel"),
#undef CALL
};

// ---- a refused call --------------------------------------------------------------------------------------

// What the filter passes to the signal handler, besides the number of the call.
enum Verdict : std::uint16_t { kUnknownCall = ENOSYS, kWrongArguments = EPERM, kFatal = 0 };

constexpr std::size_t kNumbers = 512;
std::array<bool, kNumbers> reported{};  // by number; the last is for all above

// The row of a call; null: there is none.
const CallRow* row_of(int number) noexcept {
  const auto* const row = std::find_if(std::begin(kCalls), std::end(kCalls),
                                       [number](const CallRow& one) { return one.number == number; });
  return row == std::end(kCalls) ? nullptr : row;
}

// Only calls of signal-safety(7).
void report(int number, int verdict) noexcept {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  const CallRow* const row = row_of(number);
  write_stderr("proxy: sandbox: refused ");
  write_stderr(row != nullptr ? row->name : "system call ");
  if (row == nullptr) write_stderr({digits.data(), static_cast<std::size_t>(end - digits.data())});
  if (verdict == kWrongArguments) write_stderr(" with these arguments");
  if (verdict != kFatal) return write_stderr("; if the proxy needs it, use --no-sandbox and report it\n");
  write_stderr(": ");
  if (row != nullptr) write_stderr(row->reason);
  write_stderr("; it is damaged or under attack, and ends\n");
}

// SECCOMP_RET_TRAP: the call was not made; its result is set here.
void on_refused(int /*signal*/, siginfo_t* info, void* context) {
  const int verdict = info->si_errno, error = errno;
  bool& known = reported[std::min(static_cast<std::size_t>(info->si_syscall), kNumbers - 1)];
  if (!std::exchange(known, true)) report(info->si_syscall, verdict);
  if (verdict == kFatal) std::abort();
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  registers.gregs[REG_RAX] = -verdict;
#elif defined(__aarch64__)
  registers.regs[0] = static_cast<unsigned long long>(-verdict);
#else
  static_cast<void>(registers);
#endif
  errno = error;
}

// ---- the filter (classic BPF) ----------------------------------------------------------------------------

class Filter {
 public:
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  // The low half of an argument: the processors are little-endian.
  void load_argument(std::size_t number) {
    load(offsetof(seccomp_data, args) + number * sizeof(std::uint64_t));
  }
  void mask(std::uint32_t bits) { add(BPF_ALU | BPF_AND | BPF_K, bits); }
  void allow() { add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW); }
  void refuse(Verdict verdict) { add(BPF_RET | BPF_K, SECCOMP_RET_TRAP | verdict); }
  // Goes on if the loaded value is `value`; else the call is that of another processor.
  void require(std::uint32_t value) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0));
    add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  }
  // Runs `then`, which returns, if the loaded value is `value`.
  template <class Then>
  void when(std::uint32_t value, Then then) {
    const std::size_t jump = code_.size();
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0));
    then();
    code_[jump].jf = static_cast<std::uint8_t>(code_.size() - jump - 1);
  }
  // Allows these values, and refuses others.
  void only(std::initializer_list<std::uint32_t> values) {
    for (const std::uint32_t value : values) when(value, [this] { allow(); });
    refuse(kWrongArguments);
  }
  [[nodiscard]] sock_fprog program() noexcept {
    return {.len = static_cast<unsigned short>(code_.size()), .filter = code_.data()};
  }

 private:
  void add(int code, std::uint32_t value) {
    code_.push_back(BPF_STMT(static_cast<std::uint16_t>(code), value));
  }
  std::vector<sock_filter> code_;
};

// What the proxy uses: TCP and UDP, Unix sockets, and the route family of netlink. Raw sockets are not among
// them.
void add_sockets(Filter& out) {
  out.load_argument(0);
  out.when(AF_UNIX, [&out] { out.allow(); });
  for (const std::uint32_t family : std::initializer_list<std::uint32_t>{AF_INET, AF_INET6})
    out.when(family, [&out] {
      out.load_argument(1);
      out.mask(0xf);
      out.only({SOCK_STREAM, SOCK_DGRAM});
    });
  out.when(AF_NETLINK, [&out] {
    out.load_argument(2);
    out.only({NETLINK_ROUTE});
  });
  out.refuse(kWrongArguments);
}

// What follows the number of a call.
void add_decision(Filter& out, Allow allow) {
  switch (allow) {
    case Allow::always: return out.allow();
    case Allow::never: return out.refuse(kFatal);
    case Allow::sockets: return add_sockets(out);
    case Allow::not_executable:
      out.load_argument(2);
      out.mask(PROT_EXEC);
      return out.only({0});
    case Allow::controls: out.load_argument(1); return out.only({FIONREAD, SIOCOUTQ, SIOCGIFINDEX, TCGETS});
    case Allow::own_process:
      out.load_argument(0);
      return out.only({0, static_cast<std::uint32_t>(::getpid())});
  }
}

Filter make_filter() {
  Filter out;
  out.load(offsetof(seccomp_data, arch));
  out.require(kArchitecture);
  out.load(offsetof(seccomp_data, nr));
  for (const CallRow& row : kCalls)
    out.when(static_cast<std::uint32_t>(row.number), [&out, &row] { add_decision(out, row.allow); });
  out.refuse(kUnknownCall);
  return out;
}

// Valgrind makes system calls of its own in this process. It can be seen by the libraries that it preloads.
bool is_in_valgrind() noexcept {
  const char* const preloaded = std::getenv("LD_PRELOAD");  // NOLINT(concurrency-mt-unsafe): there is one
  return preloaded != nullptr && std::string_view{preloaded}.find("vgpreload") != std::string_view::npos;
}

}  // namespace

int check_sandbox() noexcept {
  constexpr std::uint32_t kAction = SECCOMP_RET_TRAP;
  if (kInstrumented || is_in_valgrind()) return ENOTSUP;
  if (kArchitecture == 0) return ENOSYS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kAction) == 0 ? 0 : ENOSYS;
}

int restrict_calls() noexcept {
  Filter filter = make_filter();
  sock_fprog program = filter.program();
  struct sigaction action {};
  action.sa_sigaction = on_refused;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  if (::sigaction(SIGSYS, &action, nullptr) != 0) return errno;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  // This program runs no code of others, so it does without their slow-downs against speculation.
  for (const unsigned flags : {unsigned{SECCOMP_FILTER_FLAG_SPEC_ALLOW}, 0U})
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0) return 0;
  return errno;
}

}  // namespace sys

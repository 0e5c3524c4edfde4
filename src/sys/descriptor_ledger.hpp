// Counts the open descriptors of the program, so that one that is kept or closed twice is noticed.
//
// Each Fd enters its descriptor here, on Linux and on the simulated kernel. Descriptors of the start
// (standard input, output and error, inherited ones) and those inside the C library are not in it.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace sys {

class DescriptorLedger {
 public:
  // A misuse of descriptors: how often it was seen, and the last descriptor.
  struct Misuse {
    std::uint64_t count = 0;
    int fd = -1;
  };

  // A descriptor was opened.
  void opened(int fd) noexcept {
    ++open_;
    if (in_table(fd)) marks_[index(fd)] = kOpen;
    if (fd >= numbers_) numbers_ = fd + 1;
  }
  // Before close(2).
  void closed(int fd) noexcept {
    if (in_table(fd) && marks_[index(fd)] == 0) return note(closed_twice_, fd);
    --open_;
    if (in_table(fd)) marks_[index(fd)] = 0;
  }
  // A read from a socket has returned 0.
  void ended(int fd) noexcept {
    if (!in_table(fd) || (marks_[index(fd)] & kNoEnd) != 0) return;
    if ((marks_[index(fd)] & kEnded) != 0) note(read_after_end_, fd);
    marks_[index(fd)] |= kEnded;
  }
  // An end of stream says nothing from now on: a call has failed, or the socket receives datagrams.
  void has_no_end(int fd) noexcept {
    if (in_table(fd)) marks_[index(fd)] |= kNoEnd;
  }
  // A call has failed with EBADF.
  void not_open(int fd) noexcept { note(not_open_, fd); }

  // The number of open descriptors.
  [[nodiscard]] std::size_t open() const noexcept { return open_; }
  [[nodiscard]] bool is_open(int fd) const noexcept { return in_table(fd) && marks_[index(fd)] != 0; }
  // close(2) of a descriptor that is not open.
  [[nodiscard]] const Misuse& closed_twice() const noexcept { return closed_twice_; }
  // A read returned 0 from a stream that had ended before.
  [[nodiscard]] const Misuse& read_after_end() const noexcept { return read_after_end_; }
  // A call on a descriptor that is not open (EBADF).
  [[nodiscard]] const Misuse& used_closed() const noexcept { return not_open_; }

  // Forgets everything: another simulated kernel begins.
  void clear() noexcept {
    for (int fd = 0; fd < numbers_ && in_table(fd); ++fd) marks_[index(fd)] = 0;
    open_ = 0;
    numbers_ = 0;
    closed_twice_ = read_after_end_ = not_open_ = {};
  }

 private:
  static constexpr std::uint8_t kOpen = 1, kEnded = 2, kNoEnd = 4;
  static constexpr int kNumbers = 1 << 20;  // larger ones are counted only; memory is used when touched

  static constexpr bool in_table(int fd) noexcept {
    return static_cast<unsigned>(fd) < static_cast<unsigned>(kNumbers);
  }
  static constexpr std::size_t index(int fd) noexcept { return static_cast<std::size_t>(fd); }
  static void note(Misuse& misuse, int fd) noexcept {
    ++misuse.count;
    misuse.fd = fd;
  }

  std::array<std::uint8_t, kNumbers> marks_{};  // by descriptor; 0: not open
  std::size_t open_ = 0;
  int numbers_ = 0;  // above all that were ever open
  Misuse closed_twice_, read_after_end_, not_open_;
};

// That of this process.
inline DescriptorLedger& descriptors() noexcept {
  static constinit DescriptorLedger ledger;
  return ledger;
}

}  // namespace sys

// The program's standard output.
#pragma once
#include <cerrno>
#include <cstdio>

#include "output.hpp"

namespace replay {

class StandardOutput final : public Output {
 public:
  // Writes the rest. Returns errno; 0 also if the reader has closed the pipe, as `less` does.
  [[nodiscard]] int finish() {
    if (!failed() && std::fflush(stdout) != 0) error_ = errno;
    return error_ == EPIPE ? 0 : error_;
  }

 private:
  bool put(std::string_view text) override {
    const bool whole = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    if (!whole) error_ = errno;
    return whole;
  }
  int error_ = 0;
};

}  // namespace replay

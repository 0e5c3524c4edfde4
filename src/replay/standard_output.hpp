// The program's standard output.
#pragma once
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "output.hpp"

namespace replay {

class StandardOutput final : public Output {
 public:
  // Writes the rest. Returns an error message; empty also if the reader has closed the pipe, as `less` does.
  [[nodiscard]] std::string finish() {
    if (!failed() && std::fflush(stdout) != 0) error_ = errno;
    if (error_ == 0 || error_ == EPIPE) return {};
    return std::string{"cannot write the output: "} + std::strerror(error_);
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

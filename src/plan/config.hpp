// What the user asked for, read from the command line and checked.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../sys/address.hpp"
#include "network.hpp"
#include "waits.hpp"

namespace plan {

inline constexpr std::string_view kVersion = "0.1.0";

constexpr std::array<std::uint32_t, kWaits> default_waits() {
  std::array<std::uint32_t, kWaits> waits{};
  for (std::size_t i = 0; i < kWaits; ++i) waits[i] = kWaitRows[i].default_ms;
  return waits;
}

struct Config {
  std::vector<sys::Address> listen;  // in the order given
  bool port_given = false;           // PORT: its ::1 may be missing on a machine without IPv6
  std::vector<Network> allow;        // clients; empty: all that can reach us, which is loopback alone
  std::size_t max_requests = 10'000;
  std::size_t buffer_mib = 64;
  std::array<std::uint32_t, kWaits> wait_ms = default_waits();
  std::string access_log = "-";  // a file, "-" for standard output, or "off"
  bool verbose = false;

  [[nodiscard]] std::uint32_t wait(Wait kind) const noexcept {
    return wait_ms[static_cast<std::size_t>(kind)];
  }
};

struct CommandLine {
  enum class What : std::uint8_t { run, help, version, wrong };
  What what = What::run;
  Config config;
  std::string message;  // wrong: one line that says what to do
};

// `arguments` without the program's name.
CommandLine parse_command_line(std::span<const char* const> arguments);
std::string help_text();

}  // namespace plan

// What the user asked for; `src/config` reads it from the command line and from a file.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../sys/address.hpp"
#include "limits.hpp"
#include "parent.hpp"
#include "roles.hpp"
#include "rules.hpp"
#include "waits.hpp"

namespace plan {

inline constexpr std::string_view kVersion = "0.1.0";

constexpr std::array<std::uint32_t, kWaits> default_waits() {
  std::array<std::uint32_t, kWaits> waits{};
  for (std::size_t i = 0; i < kWaits; ++i) waits[i] = kWaitRows[i].default_ms;
  return waits;
}

// How a line of the log looks (`watch::write_access_line`).
enum class LogFormat : std::uint8_t { own, common, combined, json };

struct LogFormatRow {
  LogFormat format;
  std::string_view name;
  bool tells_agent;  // Referer and User-Agent have to be noted
};
inline constexpr std::array<LogFormatRow, 4> kLogFormats{{
    {LogFormat::own, "own", false},
    {LogFormat::common, "common", false},
    {LogFormat::combined, "combined", true},
    {LogFormat::json, "json", false},
}};

constexpr const LogFormatRow& row(LogFormat format) noexcept {
  return kLogFormats[static_cast<std::size_t>(format)];
}

struct Config {
  std::vector<Listener> listeners;  // in the order given, PORT first; at most kListenersMax
  std::vector<Site> sites;          // that listeners of role web name
  std::vector<Group> groups;        // that routes and listeners of role relay name
  Rules rules;                      // who may ask for what
  std::string users_file;           // of htpasswd(1); empty: nobody is asked for a password
  Allowance allowance;              // of each client
  std::optional<Parent> parent;     // who is asked instead of the hosts (see parent_for)
  std::vector<NoParent> no_parent;  // save for these
  bool request_id = false;          // each request is given a name, X-Request-Id
  std::string name = "proxy";       // ours, in Via and Proxy-Status: a token (RFC 9110 section 5.6.2)
  std::vector<Ports> connect_ports{
      {443, 443}, {563, 563}, {8443, 8443}, {1024, 65535}};  // that CONNECT may name
  bool http10 = false;  // all is sent on as HTTP/1.0, and each connection closed, as the lab describes it
  std::size_t keep_upstreams = 64;  // idle connections to origins, kept for further requests
  std::size_t max_requests = 10'000;
  std::size_t buffer_mib = 64;
  std::array<std::uint32_t, kWaits> wait_ms = default_waits();
  std::uint32_t drain_ms = 30'000;  // from the signal to stop on, for what is under way; 0: not at all
  std::string access_log = "-";     // a file, "-" for standard output, "syslog[:SOCKET]", or "off"
  LogFormat log_format = LogFormat::own;
  bool verbose = false;

  [[nodiscard]] std::uint32_t wait(Wait kind) const noexcept {
    return wait_ms[static_cast<std::size_t>(kind)];
  }
};

}  // namespace plan

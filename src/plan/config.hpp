// The configuration, which src/config reads from the command line and from a file.
#pragma once
#include <optional>

#include "../sys/lens_settings.hpp"
#include "allowance.hpp"
#include "parent.hpp"
#include "rules.hpp"
#include "waits.hpp"

namespace plan {

inline constexpr std::string_view kVersion = "0.1.0";
#if defined(__clang__)
inline constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
inline constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

constexpr std::array<std::uint32_t, kWaits> default_waits() {
  std::array<std::uint32_t, kWaits> waits{};
  for (std::size_t i = 0; i < kWaits; ++i) waits[i] = kWaitRows[i].default_ms;
  return waits;
}

// Format of the access log.
enum class LogFormat : std::uint8_t { own, common, combined, json };

struct LogFormatRow {
  LogFormat format;
  std::string_view name;
  bool needs_agent;  // it writes Referer and User-Agent
  bool needs_trace;  // it writes the trace-id of traceparent
};
inline constexpr std::array<LogFormatRow, 4> kLogFormats{{
    {LogFormat::own, "own", false, false},
    {LogFormat::common, "common", false, false},
    {LogFormat::combined, "combined", true, false},
    {LogFormat::json, "json", false, true},
}};

constexpr const LogFormatRow& row(LogFormat format) noexcept {
  return kLogFormats[static_cast<std::size_t>(format)];
}

// What is printed of the trace.
enum class Verbosity : std::uint8_t {
  none,
  steps,  // of records
  calls,  // also turns, events and system calls
};

// Where the board is served.
enum class Board : std::uint8_t {
  forward,  // on the listeners of the forward proxy
  own,      // on listeners of its own
  none,
};

// Whether the process limits itself after its start (sys/sandbox.hpp).
enum class Sandbox : std::uint8_t {
  automatic,  // as far as the kernel can
  required,   // an error if the kernel cannot
  off,
};

inline constexpr std::size_t kRequestsDefault = 10'000;

struct Config {
  std::string file;                 // the configuration file; empty: none
  std::string folder;               // from which relative paths start, while they are read
  std::vector<Listener> listeners;  // as configured, PORT first; at most kListenersMax
  std::vector<Site> sites;          // of the listeners of role web
  std::vector<Group> groups;        // of routes and of listeners of role relay
  Rules rules;                      // access rules
  HostLists host_lists;             // of the rules; each is empty until its file is read
  // htpasswd files: first that of --users, which is empty without authentication, then those of routes.
  std::vector<std::string> users_files = std::vector<std::string>(1);
  Allowance allowance;                    // limits for each client
  std::vector<ParentRow> parents;         // upstream proxies; at most kParentsMax
  std::vector<NoParent> no_parent;        // hosts that are reached directly
  std::vector<sys::Address> nameservers;  // DNS servers; empty: those of resolv.conf(5)
  bool request_id = false;                // add X-Request-Id
  bool via = true;                        // add Via
  bool server_timing = false;             // add Server-Timing to responses
  bool gzip = false;                      // compress the files of all routes
  bool http10 = false;       // forward as HTTP/1.0 and close each connection, as the lab describes
  Networks trusted_proxies;  // clients whose forwarding headers count
  std::optional<std::vector<std::string>> upgrade;  // the only protocols of Upgrade, in lower case; none: all
  std::string name = "proxy";  // of the proxy in Via and Proxy-Status: a token (RFC 9110 section 5.6.2)
  std::string server_name;     // in Server of web servers; empty: none
  std::string charset;         // of text files, unless their route has its own
  std::vector<Ports> connect_ports{
      {443, 443}, {563, 563}, {8443, 8443}, {1024, 65535}};  // allowed for CONNECT
  std::optional<std::vector<Ports>> http_ports;  // allowed for http://; nothing: all but kOtherProtocols
  std::size_t keep_upstreams = 64;               // idle upstream connections in the pool
  std::optional<std::size_t> max_requests{};     // nothing: kRequestsDefault, or as many as fit
  std::size_t buffer_mib = 64;
  http::HeadLimits head_limits;
  std::uint64_t max_body = kUnlimited;                          // of a request, bytes
  std::array<std::uint32_t, kWaits> wait_ms = default_waits();  // 0: no timeout
  std::uint32_t drain_ms = 30'000;                              // graceful shutdown timeout; 0: stop at once
  std::string takeover;     // the Unix socket at which a new process takes over; empty: none
  std::string user, group;  // to become after the ports are open, by name or number; empty: as at the start
  bool reuse_port = false;  // several processes listen on one port
  Sandbox sandbox = Sandbox::automatic;
  std::string access_log = "-";  // a file, "-" for standard output, "syslog[:SOCKET]", or "off"
  LogFormat log_format = LogFormat::own;
  std::string record_file;    // of the whole run; empty: none
  std::string record_folder;  // for record files; empty: none are written
  Verbosity verbosity = Verbosity::none;
  Board board = Board::forward;
  sys::LensSettings lens;
  std::size_t trace_entries = 65'536;  // of the ring; rounded up to a power of two

  [[nodiscard]] std::uint32_t wait(Wait kind) const noexcept {
    return wait_ms[static_cast<std::size_t>(kind)];
  }
};

// That of the route, or of the listener; null: the configuration's counts. `route`: null if it is not known.
inline const Timeout* own_timeout(const Listener& listener, const WebRoute* route, Wait wait) noexcept {
  const Timeout* const own = route == nullptr ? nullptr : find(route->timeouts, wait);
  return own == nullptr ? find(listener.timeouts, wait) : own;
}

// The timeout of a wait, ms: that of the route (null: none), of the listener, or of the configuration. 0:
// there is none.
inline std::uint32_t timeout_ms(const Config& config, const Listener& listener, const WebRoute* route,
                                Wait wait) noexcept {
  const Timeout* const own = own_timeout(listener, route, wait);
  return own == nullptr ? config.wait(wait) : own->ms;
}

// Users file number `users` is that of --users; kNoUsers and kExcused are none.
inline bool is_of_option(const Config& config, std::uint8_t users) noexcept {
  return users < config.users_files.size() && config.users_files[users] == config.users_files.front();
}

// The user of a request, as rules see it, once the password for users file number `users` is checked;
// kNoUsers and kExcused: there is none. A user of another file than --users is none for them.
inline Requester requester(const Config& config, std::uint8_t users, std::string_view name) noexcept {
  if (users == kExcused) return {Requester::What::excused};
  return {Requester::What::known, is_of_option(config, users) ? name : std::string_view{}};
}

// As http/upgrade.hpp takes them. Valid as long as `config`.
inline const std::vector<std::string>* upgrade_protocols(const Config& config) noexcept {
  return config.upgrade ? &*config.upgrade : nullptr;
}

}  // namespace plan

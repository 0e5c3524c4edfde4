// What listeners do: roles, and the sites and routes of a web server. Values, filled by src/config.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../http/rewrite.hpp"
#include "network.hpp"
#include "waits.hpp"

namespace plan {

// Where to open a connection.
struct Hop {
  std::string host;        // a name, or an address without brackets; empty: a Unix socket
  std::uint16_t port = 0;  // of `host`
  std::string socket;      // path of a Unix socket
  bool operator==(const Hop&) const = default;
};

// "host:80", "[::1]:80", "unix:/path".
std::string text_of(const Hop& hop);
// The Host field that names the hop: "localhost:3000"; of a Unix socket "localhost". REQUIRES: `room` for
// http::kHostTextMax bytes.
std::string_view authority_of(const Hop& hop, std::span<char> room) noexcept;

// How a group chooses a server.
enum class Balance : std::uint8_t { round_robin, least_conn, ip_hash };

// Upstream servers that serve the same content.
struct Group {
  std::vector<Hop> members;  // at least one
  Balance balance = Balance::round_robin;
  std::string check_path;          // of the health check; empty: no health checks
  std::uint32_t check_ms = 5'000;  // interval of the health checks
};

// The most bytes that the body of a request may have; kUnlimited: any number; nothing: not given.
using BodyLimit = std::optional<std::uint64_t>;

// The password file of a route, as an index into Config::users_files: 0 is that of --users.
inline constexpr std::uint8_t kNoUsers = 255;  // none: open to everybody
inline constexpr std::uint8_t kExcused = 254;  // that of --users, and a rule with user=none needs no password

enum class RouteKind : std::uint8_t {
  files,
  redirect,
  reverse,
  metrics,
  health,  // 200: the event loop runs
  ready,   // 200; 503 during a graceful shutdown
  doctor,  // what the loop doctor finds
  board,   // the board: what the event loop does, in a browser
};

// Serves the requests whose path begins with `prefix`.
struct WebRoute {
  RouteKind kind = RouteKind::files;
  bool keep_alive = true;
  std::uint8_t users = 0;    // the password file; kNoUsers: no password is asked for
  std::string realm;         // of the challenge; empty: the proxy's name
  std::string prefix = "/";  // matches whole path segments only
  Networks allow;            // client addresses; empty: all
  Networks deny;             // client addresses; applied after `allow`
  Timeouts timeouts;         // of requests to this route, in place of the listener's
  BodyLimit max_body;        // of requests to this route, in place of the listener's
  http::FieldEdits response_fields;
  // files
  std::string directory;
  std::vector<std::string> index{"index.html"};
  std::string charset;                  // of text files, as utf-8; empty: none
  std::vector<std::string> gzip_types;  // media types besides the text formats, as "font/*"
  bool listing = true;                  // of a directory without an index file
  bool dotfiles = false;                // serve names that begin with a dot
  std::optional<bool> gzip{};           // absent: as Config::gzip
  int gzip_level = 6;                   // 0 (not compressed) to 9
  // redirect
  std::string location;  // {path} and {query} stand for those of the request
  std::uint16_t status = 302;
  // reverse
  bool strip_prefix = false;  // the upstream gets the path without `prefix`
  std::size_t group = 0;      // index into Config::groups
  http::FieldEdits request_fields;

  [[nodiscard]] bool compresses() const noexcept { return gzip.value_or(false); }
};

// The routes of some host names.
struct Site {
  std::vector<std::string> hostnames;  // lower case, without port; empty: all
  std::vector<WebRoute> routes;
  bool keep_alive = true;  // for requests that match no route
  std::uint8_t users = 0;  // the default of its routes, like `realm`
  std::string realm;
  std::string charset;
  Timeouts timeouts;
  BodyLimit max_body;
};

enum class Role : std::uint8_t {
  forward,        // forward proxy
  web,            // web server and reverse proxy
  relay,          // TCP proxy
  echo,           // TCP echo server
  reverse_lines,  // sends each line back reversed
  send_file,      // sends one file, then closes
};

// A client's record stores the index of its listener in one byte.
inline constexpr std::size_t kListenersMax = 200;

struct Listener {
  sys::Address address;
  Role role = Role::forward;
  // Second address of a pair, as ::1 after 127.0.0.1: the machine may lack it. Port 0 is then the port that
  // the listener before it got.
  bool optional = false;
  std::vector<std::size_t> sites;  // web: indices into Config::sites; the first is the default
  std::size_t group = 0;           // relay: index into Config::groups
  std::string root, file;          // send_file: the file, relative to the directory `root`
  Timeouts timeouts;               // in place of the configuration's
  BodyLimit max_body;              // in place of the configuration's
  bool proxy_header_in = false;    // each connection begins with a PROXY header
  Networks proxy_header_from = loopback_networks();  // of the peers that may send it
  std::uint8_t proxy_header_out = 0;                 // relay: version of the PROXY header to send; 0: none
};

}  // namespace plan

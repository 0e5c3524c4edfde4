// What a listener is for, and what a web server's routes do: values that the options and the configuration
// file are read into. What is done with them is decided in `plan_request` and `plan_connection`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../sys/address.hpp"
#include "network.hpp"

namespace plan {

// Where a connection may be opened to.
struct Hop {
  std::string host;        // a name, or an address without brackets; empty: a Unix socket
  std::uint16_t port = 0;  // of `host`
  std::string socket;      // path of a Unix socket
  bool operator==(const Hop&) const = default;
};

// How a group shares out its work.
enum class Balance : std::uint8_t { round_robin, least_conn, ip_hash };

// Servers that do the same.
struct Group {
  std::vector<Hop> members;  // at least one
  Balance balance = Balance::round_robin;
  std::string check_path;          // asked for now and then to see who is well; empty: nobody is asked
  std::uint32_t check_ms = 5'000;  // how often
};

enum class RouteKind : std::uint8_t { files, redirect, reverse, metrics };

// What is done with the requests of a web server whose path begins with `prefix`.
struct WebRoute {
  std::string prefix = "/";  // ends at a boundary between the path's segments
  RouteKind kind = RouteKind::files;
  std::vector<Network> allow;  // clients; empty: all
  std::vector<Network> deny;   // of those
  // files
  std::string directory;
  std::vector<std::string> index{"index.html"};
  bool listing = true;  // of a directory without an index
  bool gzip = false;
  int gzip_level = 6;  // 1 to 9
  std::vector<std::string>
      gzip_types;  // media types; "*" at the end stands for the rest. Empty: what is text
  // redirect
  std::uint16_t status = 302;
  std::string location;
  // reverse
  std::size_t group = 0;         // of Config::groups
  std::uint32_t timeout_ms = 0;  // for the head of the answer; 0: as for all
  bool keep_alive = true;        // for all kinds: the connection may stay
};

// The routes for some names.
struct Site {
  std::vector<std::string> hostnames;  // in small letters, without port; empty: any
  std::vector<WebRoute> routes;
  bool keep_alive = true;  // where no route is found
};

enum class Role : std::uint8_t {
  forward,        // a proxy for its clients
  web,            // a server: files, redirects, and other servers behind it
  relay,          // bytes to another server and back
  echo,           // what comes goes back
  reverse_lines,  // each line goes back from its end to its beginning
  send_file,      // a file, and the end
};

struct Listener {
  sys::Address address;
  Role role = Role::forward;
  bool optional = false;  // second of a pair (::1 beside 127.0.0.1): may be missing on a machine without
                          // such addresses; port 0 is the port that the listener before it got
  std::vector<std::size_t> sites;     // web: of Config::sites; the first is for names that no other has
  std::size_t group = 0;              // relay: of Config::groups
  std::string root, file;             // send_file: the file, looked up below the folder
  bool proxy_header_in = false;       // each connection begins with a PROXY header
  std::uint8_t proxy_header_out = 0;  // relay: version of the one that is sent on; 0: none
};

}  // namespace plan

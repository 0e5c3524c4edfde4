// The configuration file: JSON in the format of eXpServer, extended by a key for each option.
//
//   {
//     "server_name": "mine",                  the proxy's name, as --name
//     "servers": [{
//       "listeners": [{"host": "0.0.0.0", "port": 8001}],   also "localhost" and "*"; with
//                                             "proxy_protocol_in": true, "proxy_protocol_from":
//                                             ["10.0.0.0/8"]
//       "hostnames": ["example.com"],         virtual hosts; none: the default server
//       "routes": [                           the longest matching req_path wins; none: 404
//         {"req_path": "/", "type": "file_serve", "dir_path": "public", "index": ["index.html"],
//          "gzip_enable": true, "gzip_level": 6, "gzip_mime_types": ["text/html"], "listing": false},
//         {"req_path": "/old", "type": "redirect", "http_status_code": 301, "redirect_url": "/new"},
//         {"req_path": "/api", "type": "reverse_proxy", "upstreams": ["localhost:3000",
//         "unix:/run/app.sock"],
//          "load_balancing": "least_conn", "request_timeout_ms": 5000,
//          "health_check": {"path": "/health", "interval_ms": 2000}},
//         {"req_path": "/metrics", "type": "metrics", "ip_whitelist": ["10.0.0.0/8"], "ip_blacklist":
//         ["10.0.0.1"]}
//       ]                                     all types: ip_whitelist, ip_blacklist, keep_alive, users,
//                                             realm, request_timeout_ms, add_response_fields, timeouts
//     }, {
//       "listeners": [{"host": "127.0.0.1", "port": 9000}],
//       "stream": {"type": "proxy", "upstream": "db.intern:5432", "proxy_protocol_in": false,
//       "proxy_protocol_from": ["10.0.0.0/8"],
//                  "proxy_protocol_out": 1}   or "echo"; "reverse" (each line); "file" with "file" and "root"
//     }],
//     "forward": [{"host": "localhost", "port": 8080}],     forward proxies
//     "rules": [{"deny": "host=.example.com"}, {"allow": "10.0.0.0/8"}],
//     "max_requests": 100, "idle_timeout": 30, "connect_ports": [443, "8000-8999"]   each option: "_" for "-"
//   }
//
// Relative paths start from the file's folder. Unknown keys cause a warning.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "../plan/config.hpp"

namespace config {

inline constexpr std::size_t kConfigFileMax = std::size_t{1} << 20;
inline constexpr std::size_t kFindingsMax = 20;  // errors that are reported

// An option that was given, and where: "--name", "c.json:3: name".
struct GivenOption {
  std::string_view name;  // with its dashes; of the table of options, or one of those below
  std::string place;
};
// Keys of servers and routes whose effect depends on an option.
inline constexpr std::string_view kRealm = "realm", kNoLogin = "users: none", kGzipDetail = "gzip_level";

// Lines "FILE:LINE: servers[0].routes[2].type: MESSAGE".
struct Findings {
  std::vector<std::string> errors;     // none: the file is valid
  std::vector<std::string> warnings;   // settings without effect
  std::vector<GivenOption> options{};  // as rules, "--allow" once
};

// Reads the text of a file into `config`, which is unusable if there are errors. `name` is the file name for
// the messages. REQUIRES: has_json(), and a config without listeners and sites.
Findings read_config(std::string_view name, std::string_view text, plan::Config& config);

}  // namespace config

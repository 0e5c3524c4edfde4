#include "keys.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "options.hpp"

namespace config {
namespace {

using std::string;
using std::string_view;

// The comment beside a key, `VALUE: meaning`, is what fourstate.json(5) says (tests/manual_of_keys.py).

constexpr std::array<FileKey, 5> kFileKeys{{
    {"server_name", kHttpBits},  // NAME: the option --name, and Server in responses that have none
    {"workers"},           // N: ignored, with a warning if it is above 1; one thread serves all connections
    {"servers"},           // [SERVER, ...]: web servers and streams
    {"forward"},           // [LISTENER, ...]: listeners of the forward proxy
    {"rules", kHttpBits},  // [RULE, ...]: {"allow": RULE} or {"deny": RULE}; the first match decides
}};

constexpr std::array<FileKey, 5> kListenerKeys{{
    {"host"},  // ADDRESS: a numeric address, localhost, or * for all addresses of this machine
    {"port"},  // N: 0 to 65535; 0 selects a free port
    {"max_body", kMessageBits},  // SIZE: largest body of a request; 0 for no limit
    {"proxy_protocol_in"},       // BOOLEAN: require a PROXY header from each client; default false
    {"proxy_protocol_from"},     // [NETWORK, ...]: peers that may send it; default loopback
}};

constexpr std::array<FileKey, 10> kServerKeys{{
    {"listeners"},             // [LISTENER, ...]: where the server listens; web servers can share a listener
    {"hostnames", kWebBits},   // NAME or [NAME, ...]: its hosts; .example.com: and all names below it; *: all
    {"routes", kWebBits},      // [ROUTE, ...]: the paths of a web server
    {"stream"},                // STREAM: a server without HTTP, instead of routes
    {"keep_alive", kWebBits},  // BOOLEAN: default of the routes
    {"users", kRouteBits},     // FILE: default of the routes
    {"realm", kRouteBits},     // TEXT: default of the routes
    {"charset", kFilesBit},    // NAME: default of the routes
    {"max_body", kReverseBit},         // SIZE: default of the routes
    {"request_timeout_ms", kWebBits},  // N: default of the routes
}};

constexpr std::array<FileKey, 28> kRouteKeys{{
    {"req_path"},      // PATH: requests with this path or one below it; the longest matching path decides
    {"type"},          // TYPE: file_serve, redirect, reverse_proxy, metrics, health, ready or doctor
    {"users"},         // FILE: an htpasswd file, whose users alone have access; none: no password
    {"realm"},         // TEXT: shown with the question for the password; at most 64 characters
    {"ip_whitelist"},  // [NETWORK, ...]: only these clients have access
    {"ip_blacklist"},  // [NETWORK, ...]: these clients have no access
    {"keep_alive"},    // BOOLEAN: false closes the connection after the response; default true
    {"dir_path", kFilesBit},  // FOLDER: the directory that is served
    {"index", kFilesBit},    // NAME or [NAME, ...]: the file that is sent for a directory; default index.html
    {"listing", kFilesBit},  // BOOLEAN: list directories without index; default true
    {"dotfiles", kFilesBit},             // BOOLEAN: serve names that begin with a dot; default false
    {"gzip_enable", kFilesBit},          // BOOLEAN: compress text files; default false
    {"gzip_level", kFilesBit},           // N: -1 (default of zlib) to 9
    {"gzip_mime_types", kFilesBit},      // [TYPE, ...]: media types to compress besides text, as text/*
    {"http_status_code", kRedirectBit},  // N: 301, 302, 303, 307 or 308; default 302
    {"redirect_url", kRedirectBit},      // URL: the new place; {path} and {query} are those of the request
    {"upstreams", kReverseBit},          // [SERVER, ...]: 1 to 64 upstream servers, HOST:PORT or unix:PATH
    {"upstream", kReverseBit},           // SERVER: the same for one server
    {"load_balancing", kReverseBit},     // METHOD: round_robin (default), least_conn or ip_hash
    {"request_timeout_ms"},         // N: timeout of the request's head and body, and of the response's head
    {"charset", kFilesBit},         // NAME: charset of text files, as utf-8
    {"max_body", kReverseBit},      // SIZE: largest body of a request; 0 for no limit
    {"strip_prefix", kReverseBit},  // BOOLEAN: forward the path without req_path; default false
    {"add_request_fields", kReverseBit},      // {"NAME": "VALUE"}: header fields to add to the request
    {"remove_request_fields", kReverseBit},   // [NAME, ...]: header fields to remove from the request
    {"add_response_fields"},                  // {"NAME": "VALUE"}: header fields to add to the response
    {"remove_response_fields", kReverseBit},  // [NAME, ...]: header fields to remove from the response
    {"health_check", kReverseBit},  // HEALTH_CHECK: requests that test whether upstream servers are healthy
}};

constexpr std::array<FileKey, 9> kStreamKeys{{
    {"type"},                           // TYPE: proxy, echo, reverse (sends each line back reversed) or file
    {"proxy_protocol_in"},              // BOOLEAN: require a PROXY header from each client; default false
    {"proxy_protocol_from"},            // [NETWORK, ...]: peers that may send it; default loopback
    {"upstream", kRelayBit},            // SERVER: an upstream server, HOST:PORT or unix:PATH
    {"upstreams", kRelayBit},           // [SERVER, ...]: 1 to 64 of them
    {"load_balancing", kRelayBit},      // METHOD: round_robin (default), least_conn or ip_hash
    {"proxy_protocol_out", kRelayBit},  // N: send a PROXY header of version 1 or 2 to the upstream server
    {"file", kSentFileBit},             // PATH: the file below root that is sent to each client
    {"root", kSentFileBit},             // FOLDER: its directory; default the folder of the configuration file
}};

constexpr std::array<FileKey, 2> kHealthKeys{{
    {"path"},         // PATH: a GET for it is sent; 2xx and 3xx mean healthy
    {"interval_ms"},  // N: time between two checks; default 5000, at least 100
}};

// Before the head of a request is known, and after its response, no route is.
constexpr bool is_of_a_route(plan::Wait wait) noexcept {
  return wait != plan::Wait::idle && wait != plan::Wait::keep_alive && wait != plan::Wait::linger;
}

std::vector<FileKey> keys_with_options() {
  std::vector<FileKey> all{kFileKeys.begin(), kFileKeys.end()};
  static std::vector<string> names;
  for (const string_view option : option_names())
    if (option_kind(option) != OptionKind::special) names.push_back(file_key(option));
  for (const string& name : names) all.push_back({name});
  return all;
}

std::vector<FileKey> keys_with_timeouts(std::span<const FileKey> keys, bool of_a_route) {
  static const std::vector<string> names = [] {
    std::vector<string> all;
    for (const plan::WaitRow& row : plan::kDeadlineRows) all.push_back(file_key(row.option));
    return all;
  }();
  std::vector<FileKey> all{keys.begin(), keys.end()};
  for (std::size_t i = 0; i < names.size(); ++i)
    if (const plan::WaitRow& row = plan::kDeadlineRows[i]; !of_a_route || is_of_a_route(row.wait))
      all.push_back({names[i], option_effect(row.option)});
  return all;
}

}  // namespace

std::span<const FileKey> keys_of(Level level) {
  static const std::array<std::vector<FileKey>, 6> all{
      keys_with_options(),
      keys_with_timeouts(kListenerKeys, false),
      keys_with_timeouts(kServerKeys, false),
      keys_with_timeouts(kRouteKeys, true),
      keys_with_timeouts(kStreamKeys, false),
      std::vector<FileKey>{kHealthKeys.begin(), kHealthKeys.end()},
  };
  return all[static_cast<std::size_t>(level)];
}

string levels_of(string_view key) {
  constexpr std::array<string_view, 6> kNames{"the top level", "listener", "server",
                                              "route",         "stream",   "health_check"};
  std::vector<string> found;
  bool has_article = false;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::span<const FileKey> keys = keys_of(static_cast<Level>(i));
    if (std::none_of(keys.begin(), keys.end(), [key](const FileKey& row) { return row.name == key; }))
      continue;
    const bool takes_article = i > 0 && i + 1 < kNames.size() && !has_article;
    has_article = has_article || takes_article;
    found.push_back((takes_article ? "a " : "") + string{kNames[i]});
  }
  string text;
  for (std::size_t i = 0; i < found.size(); ++i)
    text += (i == 0 ? "" : i + 1 == found.size() ? " or " : ", ") + found[i];
  return text;
}

}  // namespace config

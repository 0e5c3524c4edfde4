// A plan: what to do with a request or a connection. plan/router.hpp makes it.
#pragma once
#include "../http/head.hpp"
#include "../http/url_path.hpp"
#include "parent.hpp"

namespace plan {

enum class Kind : std::uint8_t {
  refuse,
  forward,
  tunnel,
  reply,  // the proxy is the last hop: Max-Forwards is 0, or OPTIONS *
  // web server
  reverse,
  files,
  redirect,
  metrics,
  health,
  ready,
  doctor,
  board,  // also of a forward proxy: the request is to the proxy itself
  // without HTTP
  relay,
  echo,
  reverse_lines,
  send_file,
};

// Bytes are forwarded both ways without looking at them.
constexpr bool is_opaque(Kind kind) noexcept { return kind == Kind::tunnel || kind == Kind::relay; }

struct Plan {
  Kind kind = Kind::refuse;
  base::Reason reason = base::Reason::none;  // refuse: why
  http::Authority target{};                  // forward, tunnel: the host; a view into the head
  const WebRoute* route = nullptr;           // web server: valid as long as the configuration
  std::uint8_t users = 0;                    // whose password is asked for: see WebRoute, or kExcused
  http::FilePath file{};                     // files: its query is a view into the head
  bool keep_alive = true;                    // the client's connection may be kept
  const Parent* parent = nullptr;            // upstream proxy, if any; valid as long as the configuration
};

}  // namespace plan

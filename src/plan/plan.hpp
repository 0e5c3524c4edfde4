// What is to be done with a request: a pure decision.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "../base/reason.hpp"
#include "../http/head.hpp"
#include "config.hpp"

namespace plan {

enum class Kind : std::uint8_t {
  refuse,
  forward,
  tunnel,
  reply,  // the request's way ends here: Max-Forwards, or OPTIONS *
  // A web server's.
  reverse,
  files,
  redirect,
  metrics,
  // Without HTTP.
  relay,
  echo,
  reverse_lines,
  send_file,
};

// Bytes go both ways, and are not looked at.
constexpr bool is_opaque(Kind kind) noexcept { return kind == Kind::tunnel || kind == Kind::relay; }

struct Plan {
  Kind kind = Kind::refuse;
  base::Reason reason = base::Reason::none;  // refuse: why
  http::Authority target{};                  // forward, tunnel: where to; a view into the head
  const WebRoute* route = nullptr;           // a web server's kinds: by this one. As long as the config
  std::string below{};                       // files: the path behind the route's prefix, with its query
  bool keep_alive = true;                    // the client's connection may stay
  const Parent* parent = nullptr;            // who is asked instead; null: nobody. As long as the config
};

// What has come for a listener of role forward or web. `crowded`: as many requests as may be are being served
// already.
Plan plan_request(const Config& config, const Listener& listener, const http::RequestHead& head,
                  const sys::Address& client, bool crowded) noexcept;
// One to a web server, which has found its site by the request's host, and its route by the path.
Plan plan_web(const Config& config, const Listener& listener, const http::RequestHead& head,
              const sys::Address& client) noexcept;
// A length is needed, and there is none.
bool lacks_length(const Config& config, const http::RequestHead& head) noexcept;
// `name` stands in Via: the request has been there before (RFC 9110 section 7.6.3).
bool has_passed(const http::RequestHead& head, std::string_view name) noexcept;
// What is done with all that comes for a listener of that role; nothing: it is HTTP, and `plan_request` says.
std::optional<Kind> kind_of(Role role) noexcept;

}  // namespace plan

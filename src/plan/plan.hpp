// What is to be done with a request: a pure decision.
#pragma once
#include <cstdint>

#include "../base/reason.hpp"
#include "../http/head.hpp"
#include "config.hpp"

namespace plan {

enum class Kind : std::uint8_t {
  refuse,
  forward,
  tunnel,
  reply,  // the request's way ends here: Max-Forwards, or OPTIONS *
};

struct Plan {
  Kind kind = Kind::refuse;
  base::Reason reason = base::Reason::none;  // refuse: why
  http::Authority target;                    // forward, tunnel: where to; a view into the head
  const Parent* parent = nullptr;            // who is asked instead; null: nobody. As long as the config
};

// `crowded`: as many requests as may be are being served already.
Plan plan_request(const Config& config, const http::RequestHead& head, const sys::Address& client,
                  bool crowded) noexcept;

}  // namespace plan

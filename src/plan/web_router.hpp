// Decides what to do with a request to a web server, by the access rules: the site by the request's host, the
// route by the longest matching prefix of its path, then the route's access lists.
#pragma once
#include "plan.hpp"
#include "rules.hpp"

namespace plan {

// REQUIRES: a listener of role `web`.
Plan plan_web(const Config& config, const Listener& listener, const http::RequestHead& head,
              const sys::Address& client, const Requester& user = {}) noexcept;

// A site of the listener has this name, by itself and not as the default.
bool is_named(const Config& config, const Listener& listener, std::string_view host) noexcept;

}  // namespace plan

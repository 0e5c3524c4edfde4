// How the head of a request is forwarded, by the configuration.
#pragma once
#include <array>

#include "../http/rewrite.hpp"
#include "config.hpp"

namespace plan {

// The texts that a form refers to.
struct FormTexts {
  std::array<char, http::kCredentialsBytesMax> credentials;
  std::array<char, http::kHostTextMax> host;
};

// Of a forward proxy. `parent`: the upstream proxy; null: none. `version`: as which the request goes on.
http::Form forward_form(const Config& config, const http::RequestHead& head, http::Version version,
                        const Parent* parent, FormTexts& texts) noexcept;
// Of a reverse proxy, to the server `hop` of the route.
http::Form reverse_form(const Config& config, const http::RequestHead& head, http::Version version,
                        const WebRoute& route, const Hop& hop, const sys::Address& client,
                        FormTexts& texts) noexcept;

}  // namespace plan

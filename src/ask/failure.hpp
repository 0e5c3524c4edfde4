// Why a running proxy has not answered, as sentences for the user.
#pragma once
#include <string>

#include "proxy_address.hpp"
#include "session.hpp"

namespace ask {

// What is wrong, and what to do. REQUIRES: `fetched` is not a response.
std::string failure_of(const ProxyAddress& proxy, const Fetched& fetched);

// What to do after a response with status 401, as the end of a sentence.
std::string password_advice(const ProxyAddress& proxy);

}  // namespace ask

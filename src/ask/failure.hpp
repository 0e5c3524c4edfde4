// Why a running proxy has not answered, as sentences for the user.
#pragma once
#include <string>

#include "place.hpp"
#include "session.hpp"

namespace ask {

// What is wrong, and what to do. REQUIRES: `fetched` is not a response.
std::string failure_of(const Place& place, const Fetched& fetched);

// What to do after a response with status 401, as the end of a sentence.
std::string password_advice(const Place& place);

}  // namespace ask

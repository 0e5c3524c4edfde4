// What `proxy explain` says about the board: whether a request is for it, and why not.
#pragma once
#include <string>

#include "../plan/plan.hpp"
#include "asked.hpp"

namespace explain {

struct BoardRow {
  plan::Plan plan;   // of the request, with the board
  std::string text;  // for people; empty: the URL is not that of the proxy itself
};

// The views of the head are kept. REQUIRES: a listener of the forward proxy, or a web server.
BoardRow board_row(const Asked& asked, const plan::Requester& user);

}  // namespace explain

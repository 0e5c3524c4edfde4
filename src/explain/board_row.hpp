// What `proxy explain` says about the board: whether a request is for it, and why not.
#pragma once
#include <string>

#include "../plan/config.hpp"
#include "../plan/plan.hpp"

namespace explain {

struct BoardRow {
  plan::Plan plan;   // with the board
  std::string text;  // for people; empty: the URL is not that of the proxy itself
};

// `listener`: of the forward proxy, or a web server. `otherwise`: the plan without the board. The ports of
// the proxy are those of `config.listeners`; port 0 is not known. `addresses`: of this machine. The views of
// `head` are kept.
BoardRow board_row(const plan::Config& config, const plan::Listener& listener, const http::RequestHead& head,
                   const sys::Address& client, const plan::Networks& addresses, const plan::Requester& user,
                   plan::Plan otherwise);

}  // namespace explain

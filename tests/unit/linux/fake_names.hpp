// A name source whose results the test sets.
#pragma once
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "../../../src/net/name_source.hpp"

namespace fake {

struct Names {
  std::map<std::string, net::Found> known;  // immediate results; any other host when `answer` is called
  std::vector<std::string> asked, cancelled;
  std::deque<net::Found> done;

  void answer(const std::string& host, net::Found found) {
    found.host = host;
    done.push_back(std::move(found));
  }
};
Names& names();

// `addresses` are valid for `ttl_ms`.
net::Found found(const std::vector<sys::Address>& addresses, std::uint64_t ttl_ms = 60'000);
net::Found not_found(net::Found::What why);

}  // namespace fake

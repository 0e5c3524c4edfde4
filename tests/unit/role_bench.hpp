// A bench whose listener has a role of its own, with upstream servers and a directory.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "bench.hpp"

namespace bench {

// Two clients that compete, a request of theirs, and a response to it.
inline constexpr const char* kGreedy = "10.0.0.66";
inline constexpr const char* kModest = "10.0.0.77";
inline constexpr const char* kGet = "GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n";
inline constexpr const char* kAnswer =
    "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

// "10.0.0.N:80".
inline sys::Address member_address(int n) {
  sys::Address address;
  sys::parse_ip("10.0.0." + std::to_string(n), 80, address);
  return address;
}

class RoleBench : public Bench {
 public:
  using Manner = sim::World::Host::Manner;

  explicit RoleBench(plan::Role role, std::size_t blocks = 16, std::size_t send_room = 1 << 20)
      : Bench(blocks, send_room, false) {
    plan_listener().role = role;
    worker->files = &files;
    world.put_node("/www", sys::FileStatus::Kind::directory, "", 1);
  }

  plan::Listener& plan_listener() { return config.listeners[0]; }

  // One group of this many members: 10.0.0.1 onwards, port 80. A test sets their behaviour by `member`.
  void group(int members, plan::Balance balance = plan::Balance::round_robin) {
    plan::Group made;
    for (int n = 1; n <= members; ++n)
      made.members.push_back({.host = "10.0.0." + std::to_string(n), .port = 80, .socket = {}});
    made.balance = balance;
    config.groups.push_back(std::move(made));
    group_servers(generation, {1, 2});
  }
  sim::World::Host& member(int n, Manner manner = Manner::accepts) {
    return world.host(member_address(n), manner);
  }

  // One site for all names, with these routes.
  void site(std::vector<plan::WebRoute> routes) {
    plan::Site made;
    made.routes = std::move(routes);
    plan_listener().sites.push_back(config.sites.size());
    config.sites.push_back(std::move(made));
  }

  // What the client received, and how its connection ended.
  std::string read_to_end(const sim::ConnectionPtr& connection) {
    const std::string out = read(connection);
    if (connection->remote_reset) return out + "(reset)";
    return connection->down.fin_arrived ? out + "(end)" : out + "(open)";
  }
  // No member counts requests that have ended.
  [[nodiscard]] bool settled() const {
    for (std::size_t group = 0; group < config.groups.size(); ++group)
      for (std::size_t member = 0; member < config.groups[group].members.size(); ++member)
        if (generation.groups->open(group, member) != 0) return false;
    return clean() && world.broken.empty();
  }

  files::Server files{files::Bounds{.cache_bytes = 100'000, .cached_file = 1000}};
};

inline plan::WebRoute files_at(std::string prefix, std::string directory = "/www") {
  plan::WebRoute route;
  route.prefix = std::move(prefix);
  route.directory = std::move(directory);
  return route;
}

inline plan::WebRoute reverse_at(std::string prefix) {
  plan::WebRoute route;
  route.prefix = std::move(prefix);
  route.kind = plan::RouteKind::reverse;
  return route;
}

}  // namespace bench

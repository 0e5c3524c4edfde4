// The other listeners' part of a configuration: as a value and as a file.
#include "roles_model.hpp"

namespace sim {

using namespace roles;

void add_roles(plan::Config& config, const RolesPlan& plan) {
  if (plan.calls.empty()) return;
  static constexpr plan::Role kRoles[] = {plan::Role::relay, plan::Role::echo, plan::Role::reverse_lines, plan::Role::send_file,
                                          plan::Role::web};
  for (std::size_t i = 0; i < std::size(kRoles); ++i) {
    plan::Listener& listener = config.listeners.emplace_back();
    listener.address = sys::loopback4(static_cast<std::uint16_t>(kFirstPort + i));
    listener.role = kRoles[i];
    listener.root = "/www";
    listener.file = "large";
    listener.sites = {0};
    if (i < plan.proxy_headers.size()) listener.proxy_header_in = plan.proxy_headers[i];
    if (listener.role == plan::Role::relay) listener.proxy_header_out = plan.header_version;
  }
  for (const bool web : {false, true}) {
    plan::Group& group = config.groups.emplace_back();
    group.balance = static_cast<plan::Balance>(plan.balance);
    for (std::size_t i = 0; i < plan.members.size(); ++i)
      group.members.push_back({std::string{sys::ip_text(member_at(i, web)).view()}, member_at(i, web).port, {}});
  }
  plan::WebRoute here, behind;
  here.directory = "/www";
  behind.prefix = "/api";
  behind.kind = plan::RouteKind::reverse;
  behind.group = 1;
  config.sites.emplace_back().routes = {here, behind};
}

namespace {

std::string server_at(To to, const std::string& what) {
  return R"({"listeners": [{"host": "127.0.0.1", "port": )" + std::to_string(kFirstPort + static_cast<int>(to)) + "}], " + what + "}";
}

std::string group_of(const RolesPlan& plan, bool web, bool others) {
  static constexpr std::string_view kBalances[] = {"round_robin", "least_conn", "ip_hash"};
  std::string members;
  for (std::size_t i = others ? kOtherMember : 0; i < plan.members.size() + (others ? 1 : 0); ++i)
    members += (members.empty() ? "\"" : ", \"") + std::string{sys::endpoint_text(member_at(i, web)).view()} + "\"";
  const std::string list = R"("upstreams": [)" + members + "]";
  return others ? list : list + R"(, "load_balancing": ")" + std::string{kBalances[plan.balance]} + "\"";
}

}  // namespace

std::vector<std::string> role_servers(const RolesPlan& plan, bool others) {
  if (plan.calls.empty()) return {};
  const auto stream = [&plan](To to, const std::string& what) {
    const bool has_header = plan.proxy_headers[static_cast<std::size_t>(to)];
    return server_at(to, R"("stream": {)" + what + (has_header ? R"(, "proxy_protocol_in": true})" : "}"));
  };
  const std::string out = plan.header_version == 0 ? "" : R"(, "proxy_protocol_out": )" + std::to_string(plan.header_version);
  return {stream(To::relay, R"("type": "proxy", )" + group_of(plan, false, others) + out),
          stream(To::echo, R"("type": "echo")"),
          stream(To::lines, R"("type": "reverse")"),
          stream(To::file, R"("type": "file", "root": "/www", "file": "large")"),
          server_at(To::web, R"("routes": [{"req_path": "/", "type": "file_serve", "dir_path": "/www"},
            {"req_path": "/api", "type": "reverse_proxy", )" + group_of(plan, true, others) + "}]")};
}

}  // namespace sim

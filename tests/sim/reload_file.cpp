// The configuration of a scenario as a file, read at the start and at each SIGHUP.
#include "history.hpp"

namespace sim {
namespace {

std::string quoted(const std::string& text) { return "\"" + text + "\""; }
std::string place(std::uint16_t port) { return R"([{"host": "127.0.0.1", "port": )" + std::to_string(port) + "}]"; }

std::string parent_url(const ParentPlan& with) {
  const std::string scheme = with.kind == ParentPlan::Kind::http ? "http://" : "socks5://";
  const std::string login = with.login ? std::string{kParentUser} + ":" + kParentPassword + "@" : "";
  const std::string host = with.by_name ? kParentName : "10.0.0." + std::to_string(kParentIndex + 1);
  return scheme + login + (with.local ? "unix:" + std::string{kParentPath} : host + ":" + std::to_string(kParentPort));
}

std::string numbers(const Scenario& scenario) {
  std::string out = R"("buffers": 1, "drain": )" + std::to_string(kDrainMs / 1000);
  out += R"(, "max_requests": )" + std::to_string(scenario.max_requests);
  out += R"(, "keep_upstreams": )" + std::to_string(scenario.keep_upstreams);
  const plan::Rate& bytes = scenario.client_bytes;
  const std::string rate = std::to_string(bytes.per_second) + (bytes.burst == 0 ? "" : ":" + std::to_string(bytes.burst));
  if (bytes.per_second != 0) out += R"(, "client_bytes": )" + quoted(rate);
  if (scenario.http10) out += R"(, "http": "1.0")";
  return out;
}

std::string servers(const Scenario& scenario, Under what) {
  std::string out;
  const auto add = [&out](const std::string& server) { out += (out.empty() ? "" : ", ") + server; };
  if (what == Under::more || what == Under::closed) add(R"({"listeners": )" + place(kAsidePort) + R"(, "stream": {"type": "echo"}})");
  if (what == Under::taken) add(R"({"listeners": )" + place(kTakenPort) + R"(, "stream": {"type": "echo"}})");
  if (what != Under::closed)
    for (const std::string& server : role_servers(scenario.roles, what == Under::others)) add(server);
  return out;
}

}  // namespace

std::string file_text(const Scenario& scenario, Under what) {
  if (what == Under::broken) return R"({"servers": [{"listeners": [}]})";
  std::string out = "{" + numbers(scenario) + R"(, "servers": [)" + servers(scenario, what) + "]";
  if (what != Under::closed) out += R"(, "forward": )" + place(8080);
  if (what == Under::others) out += R"(, "server_name": "other")";
  if (what == Under::denied) out += R"(, "rules": [{"deny": "all"}])";
  if (what == Under::astray) out += R"(, "parent": "http://10.0.0.249:3128")";
  else if (scenario.parent.kind != ParentPlan::Kind::none) out += R"(, "parent": )" + quoted(parent_url(scenario.parent));
  return out + "}";
}

}  // namespace sim

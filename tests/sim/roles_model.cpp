#include "roles_model.hpp"

#include <algorithm>

namespace sim::roles {

static constexpr int kFirstHost = 71;  // 10.0.0.71 and on, ports 90 (relay) and 80 (web)

std::string bytes_of(std::size_t size, std::size_t salt) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>((i * 31 + i / 251 + salt) & 0xff);
  return out;
}

sys::Address member_at(std::size_t index, bool web) {
  sys::Address address;
  sys::parse_ip("10.0.0." + std::to_string(kFirstHost + static_cast<int>(index)), web ? 80 : 90, address);
  return address;
}

std::string changed(std::string text, bool other) {
  for (char& c : text) c = static_cast<char>(c ^ (other ? 0x2a : 0x55));
  return text;
}

static std::string reversed_lines(const std::string& said) {
  std::string out;
  for (std::size_t at = 0; at < said.size();) {
    const std::size_t end = std::min(said.find('\n', at), said.size());
    std::size_t text_end = end;
    while (text_end > at && said[text_end - 1] == '\r') --text_end;
    std::string line = said.substr(at, text_end - at);
    std::reverse(line.begin(), line.end());
    const std::size_t next = std::min(end + 1, said.size());
    out += line + said.substr(text_end, next - text_end);
    at = next;
  }
  return out;
}

std::string file_content(const RolesPlan& plan, bool large) { return bytes_of(large ? plan.large : 700, large ? 11 : 7); }

static std::string path_of(const CallPlan::Ask& ask) {
  switch (ask.what) {
    case What::large: return "/large";
    case What::nothing: return "/nothing";
    case What::behind:
    case What::post: return "/api/" + std::to_string(ask.size);
    default: return "/small";
  }
}

bool waits_for_end(const CallPlan& plan) { return plan.to == To::relay && plan.waits && plan.said.size() >= 8; }

static std::string request_of(const CallPlan::Ask& ask) {
  const char* const method = ask.what == What::head ? "HEAD" : ask.what == What::post ? "POST" : "GET";
  std::string out = std::string{method} + " " + path_of(ask) + " HTTP/1.1\r\nHost: h.test\r\n";
  if (ask.what == What::post) out += "Content-Length: " + std::to_string(ask.size) + "\r\n";
  out += "\r\n";
  return ask.what == What::post ? out + bytes_of(ask.size, 3) : out;
}

std::string body_behind(std::size_t size, const std::string& posted, bool other) { return bytes_of(size, other ? 6 : 5) + changed(posted); }

std::string body_expected(const RolesPlan& plan, const CallPlan::Ask& ask, bool other) {
  switch (ask.what) {
    case What::small: return file_content(plan, false);
    case What::large: return file_content(plan, true);
    case What::behind: return body_behind(ask.size, "", other);
    case What::post: return body_behind(ask.size, bytes_of(ask.size, 3), other);
    default: return {};
  }
}

std::string said_by(const CallPlan& plan) {
  std::string out = plan.said;
  if (waits_for_end(plan)) {
    const std::string digits = std::to_string(out.size());
    out.replace(0, kLengthBytes, "W" + std::string(kLengthBytes - 1 - digits.size(), '0') + digits);
  }
  for (const CallPlan::Ask& ask : plan.asks) out += request_of(ask);
  return out;
}

bool is_length(const std::string& text) {
  return text.size() == kLengthBytes && text[0] == 'W' && std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool has_proxy_header(const RolesPlan& plan, const CallPlan& call) { return call.to != To::web && plan.proxy_headers[static_cast<std::size_t>(call.to)]; }

std::string expected_without_http(const RolesPlan& plan, const CallPlan& call, bool other) {
  switch (call.to) {
    case To::relay: return changed(said_by(call), other);
    case To::echo: return call.said;
    case To::lines: return reversed_lines(call.said);
    default: return file_content(plan, true);
  }
}

}  // namespace sim::roles

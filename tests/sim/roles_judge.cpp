// Checks what the clients and servers of the other listeners have received.
#include "roles_actors.hpp"

namespace sim {

namespace {

constexpr std::uint64_t kBegun = 1'000'000;  // the world's clock at its beginning, ms
constexpr std::uint64_t kLongMs = 400'000;   // less than the idle timeout of a TCP proxy

bool reads_to_the_end(const CallPlan& plan) {
  return plan.manner == Manner::plain || plan.manner == Manner::shut || plan.manner == Manner::stop;
}

// At least one server responds, and none fails after reading a request.
bool is_served(const RolesPlan& plan, bool other) {
  using M = MemberPlan::Manner;
  if (other) return true;
  const auto is = [&plan](M manner) {
    return std::any_of(plan.members.begin(), plan.members.end(), [manner](const MemberPlan& m) { return m.manner == manner; });
  };
  return is(M::answers) && !is(M::dies) && !is(M::silent);
}

std::string judge_bytes(const RolesPlan& plan, const CallPlan& call, const Caller& client, bool kind, bool other) {
  if (has_proxy_header(plan, call) && is_malformed(call.header)) return client.got.empty() ? "" : "it was served without a valid PROXY header";
  const std::string expected = expected_without_http(plan, call, other);
  if (expected.compare(0, client.got.size(), client.got) != 0)
    return "it received bytes that no host sent, after byte " + std::to_string(std::mismatch(client.got.begin(), client.got.end(), expected.begin(), expected.end()).first - client.got.begin());
  const bool whole = client.got == expected;
  const bool owed = kind && reads_to_the_end(call) && (call.to != To::relay || is_served(plan, other));
  if (owed && (!whole || !client.saw_eof))
    return "it must receive everything, but has " + std::to_string(client.got.size()) + " of " + std::to_string(expected.size()) +
           " bytes" + (client.saw_reset ? " and a reset" : "");
  if (owed && waits_for_end(call) && client.ended_at > kBegun + kLongMs) return "its end was not forwarded";
  if (client.left || client.refused || client.got.empty() || call.manner == Manner::stall) return {};
  return !whole && client.saw_eof ? "it was truncated undetectably" : "";
}

// Takes the next complete response. Returns false if there is none.
bool take_head(std::string_view& text, int& status, std::size_t& length, bool& stays) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  const std::string head{text.substr(0, end + 2)};
  text.remove_prefix(end + 4);
  const std::size_t at = head.find("\r\nContent-Length: ");
  stays = head.starts_with("HTTP/1.1") && head.find("\r\nConnection: close\r\n") == std::string::npos;
  status = head.size() > 12 && head.starts_with("HTTP/1.") ? std::atoi(head.c_str() + 9) : 0;
  length = at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 18, nullptr, 10);
  return true;
}

// `passed`: a reload came while it was served, so the connection ends after a response that announces it.
std::string judge_answers(const RolesPlan& plan, const CallPlan& call, const Caller& client, bool kind, bool other, bool passed) {
  std::string_view text = client.got;
  bool owed = kind && reads_to_the_end(call);
  for (std::size_t i = 0; i < call.asks.size(); ++i) {
    const CallPlan::Ask& ask = call.asks[i];
    const bool behind = ask.what == What::behind || ask.what == What::post;
    owed &= !behind || is_served(plan, other);
    const std::string which = "answer " + std::to_string(i) + ": ";
    int status = 0;
    std::size_t length = 0;
    bool stays = false;
    if (!take_head(text, status, length, stays)) {
      if (!text.empty() && !std::string_view{"HTTP/1."}.starts_with(text.substr(0, 7))) return which + "no HTTP";
      return owed ? which + "it must have one" : "";
    }
    const bool own = status == 408 || status == 429 || (status >= 500 && status <= 504);
    const std::string expected = body_expected(plan, ask, other);
    if (own) {
      if (owed) return which + "it must not have " + std::to_string(status);
      // A request that could not be parsed may have been a HEAD, and its response may still have a body.
      if (!stays) return text.size() > length ? which + "bytes after the last response" : "";
      if (ask.what != What::head) text.remove_prefix(std::min(length, text.size()));
      continue;
    }
    if (status != (ask.what == What::nothing ? 404 : 200)) return which + "it has " + std::to_string(status);
    const bool last = passed && !stays;
    if (ask.what == What::head) {
      if (length != file_content(plan, false).size()) return which + "another length";
      owed &= !last;
      continue;
    }
    if (ask.what != What::nothing && length != expected.size()) return which + "another length";
    const std::string_view body = text.substr(0, length);
    if (ask.what != What::nothing && !std::string_view{expected}.starts_with(body)) return which + "bytes that no host sent";
    if (body.size() < length) return owed ? which + "it is cut" : "";
    text.remove_prefix(length);
    if (last && !text.empty()) return which + "bytes after the last response";
    owed &= !last;
  }
  // A truncated request gets an error response.
  if (text.empty() || call.manner == Manner::stall) return {};
  return "there are more responses than requests";
}

}  // namespace

std::string Roles::judge(bool kind, const Editions& editions) const {
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    const CallPlan& call = plan_.calls[i];
    const Caller& client = *calls_[i];
    const Under under = editions.of(client.edition());
    if (client.refused && under == Under::closed) continue;
    const bool other = under == Under::others;
    const std::string fault = call.to == To::web ? judge_answers(plan_, call, client, kind, other, editions.passed(client.edition()))
                                                 : judge_bytes(plan_, call, client, kind, other);
    if (!fault.empty()) return "call " + std::to_string(i) + ": " + fault;
  }
  return judge_servers();
}

// Each connection to a server carries the bytes of one client, after the header with its address.
std::string Roles::judge_servers() const {
  std::vector<Heard> heard;
  std::vector<Announced> announced;
  for (const auto& member : members_) member->tell(heard);
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    const CallPlan& call = plan_.calls[i];
    if (call.to != To::relay) continue;
    const bool has_header = has_proxy_header(plan_, call);
    const sys::Address peer = calls_[i]->address();
    const sys::Address client = has_header ? client_of(call.header, i, plan_.of_one, peer) : peer;
    const bool good = !has_header || (!is_malformed(call.header) && calls_[i]->has_sent_header());
    announced.push_back({expected_header(plan_.header_version, client, sys::loopback4(kFirstPort)), said_by(call), good});
  }
  return judge_heard(heard, announced);
}

}  // namespace sim

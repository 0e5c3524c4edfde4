#include "predecessor.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include "../base/text.hpp"
#include "../sys/service.hpp"

namespace server {
namespace {

constexpr std::string_view kTitle = "proxy takeover 1\n";

// "PORT SCOPE IP".
std::string line_of(const sys::Address& address) {
  sys::Address without_scope = address;
  without_scope.scope = 0;
  std::string line = std::to_string(address.port);
  line.append(" ").append(std::to_string(address.scope)).append(" ");
  return line.append(sys::ip_text(without_scope).view()).append("\n");
}

// Removes the text up to `end` from the front and returns it without `end`.
std::string_view next_until(std::string_view& text, char end) noexcept {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return part;
}

bool parse_line(std::string_view line, sys::Address& out) noexcept {
  std::uint16_t port = 0;
  std::uint32_t scope = 0;
  if (!base::parse_decimal(next_until(line, ' '), port)) return false;
  if (!base::parse_decimal(next_until(line, ' '), scope)) return false;
  if (!sys::parse_ip(line, port, out)) return false;
  out.scope = scope;
  return true;
}

}  // namespace

std::string handover_text(const std::vector<sys::Address>& wanted) {
  std::string text{kTitle};
  for (const sys::Address& address : wanted) text += line_of(address);
  return text;
}

bool parse_handover(std::string_view text, std::vector<sys::Address>& wanted) {
  if (!text.starts_with(kTitle)) return false;
  text.remove_prefix(kTitle.size());
  while (!text.empty())
    if (!parse_line(next_until(text, '\n'), wanted.emplace_back())) return false;
  return true;
}

bool is_trusted(const sys::Peer& peer) noexcept {
  return peer.user == 0 || peer.user == sys::effective_user();
}

std::string Predecessor::failed(const std::string& why) const {
  return "--takeover " + path_ + ": " + why + "; the running process serves on";
}

std::string Predecessor::find(const std::string& path, int timeout_ms) {
  path_ = path;
  sys::Opened opened = sys::connect_packets(path.c_str());
  if (opened.error == ENOENT || opened.error == ECONNREFUSED) return {};
  if (!opened.fd) return "--takeover " + path + ": cannot connect: " + std::strerror(opened.error);
  sys::Peer peer;
  if (sys::peer_of(opened.fd, peer) != 0 || !is_trusted(peer))
    return "--takeover " + path + ": it belongs to user " + std::to_string(peer.user) +
           ": use a path in a folder that only this user can write to";
  connection_ = std::move(opened.fd);
  if (!sys::wait_readable(connection_, timeout_ms))
    return failed("no answer within " + std::to_string(timeout_ms / 1000) + " s");
  std::string text;
  std::vector<sys::Fd> descriptors;
  const sys::Io io = sys::receive_packet(connection_, text, descriptors);
  if (io.outcome == sys::Outcome::done) return take(text, std::move(descriptors));
  if (io.outcome == sys::Outcome::eof)
    return failed("it closed the connection: it is stopping, or this user may not replace it");
  return failed(std::string{"cannot receive its sockets: "} + std::strerror(io.error));
}

std::string Predecessor::take(std::string_view text, std::vector<sys::Fd> descriptors) {
  std::vector<sys::Address> wanted;
  if (!parse_handover(text, wanted) || descriptors.size() != wanted.size() + 1)
    return failed("it speaks another version of the protocol: restart instead");
  local = std::move(descriptors.front());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    sys::Fd& fd = descriptors[i + 1];
    if (sys::check_listener(fd) != sys::ListenerFault::none)
      return failed("got a socket that does not listen");
    listeners.push_back({std::move(fd), wanted[i]});
  }
  return {};
}

std::string Predecessor::replace(int timeout_ms) {
  if (!connection_) return {};
  const sys::Fd connection = std::move(connection_);
  // It may have ended, and then this process has the listeners for itself; but what it said before counts.
  const bool open = sys::send_packet(connection, kServing).outcome == sys::Outcome::done;
  if (open && !sys::wait_readable(connection, timeout_ms))
    return failed("no answer within " + std::to_string(timeout_ms / 1000) + " s");
  std::string text;
  std::vector<sys::Fd> none;
  const sys::Io io = sys::receive_packet(connection, text, none);
  if (io.outcome == sys::Outcome::done && text == kRefused) return failed("another process replaces it");
  return {};
}

}  // namespace server

#include "handover.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include "../net/endpoint.hpp"

namespace server {
namespace {

constexpr std::uint64_t kToken = net::Token{0, 0, net::Token::Kind::handover}.packed();

std::string title(const sys::Peer& peer) { return "takeover by process " + std::to_string(peer.process); }

}  // namespace

std::string no_socket(const std::string& path) {
  return "--takeover " + path +
         ": there is a file that is not a socket of this user: remove it, or use another path";
}

std::string Handover::open(const std::string& path, sys::Fd of_predecessor) {
  sys::Opened opened{std::move(of_predecessor), 0};
  owns_ = !opened.fd;
  if (owns_) {
    sys::remove_socket(path.c_str());  // of a process that has crashed: a running one was connected to
    opened = sys::listen_packets(path.c_str());
  }
  if (opened.error == EADDRINUSE) return no_socket(path);
  if (opened.fd) opened.error = sys::watch(poller_, opened.fd.get(), kToken);
  if (opened.error != 0) return "--takeover " + path + ": cannot listen: " + std::strerror(opened.error);
  path_ = path;
  socket_ = sys::file_id(path.c_str());
  listener_ = std::move(opened.fd);
  return {};
}

Handover::Result Handover::run(const net::Acceptors& acceptors) {
  marked_ = false;
  Result result;
  read_successor(result);
  if (result.successor == 0) accept(acceptors, result);
  return result;
}

// A successor that comes later takes the place of one that is starting.
void Handover::accept(const net::Acceptors& acceptors, Result& result) {
  while (sys::Fd connection = sys::accept_packets(listener_).fd) {
    sys::Peer peer;
    if (sys::peer_of(connection, peer) != 0 || !is_trusted(peer)) {
      result.messages.push_back(title(peer) + " refused: it runs as user " + std::to_string(peer.user));
      continue;
    }
    if (successor_) sys::send_packet(successor_, kRefused);
    successor_ = std::move(connection);
    peer_ = peer;
    const std::string error = give(acceptors);
    result.messages.push_back(error.empty() ? title(peer) + " begins" : title(peer) + " failed: " + error);
    if (!error.empty()) successor_.reset();
  }
}

std::string Handover::give(const net::Acceptors& acceptors) {
  std::vector<sys::Address> wanted;
  std::vector<int> descriptors{listener_.get()};
  for (const net::Acceptors::Entry& entry : acceptors.all()) {
    wanted.push_back(entry.wanted);
    descriptors.push_back(entry.acceptor.fd().get());
  }
  const sys::Io io = sys::send_packet(successor_, handover_text(wanted), descriptors);
  if (io.outcome != sys::Outcome::done)
    return std::strerror(io.outcome == sys::Outcome::again ? EAGAIN : io.error);
  const int error = sys::watch(poller_, successor_.get(), kToken);
  return error == 0 ? std::string{} : std::strerror(error);
}

void Handover::read_successor(Result& result) {
  if (!successor_) return;
  std::string text;
  std::vector<sys::Fd> none;
  const sys::Io io = sys::receive_packet(successor_, text, none);
  if (io.outcome == sys::Outcome::again) return;
  const bool serves = io.outcome == sys::Outcome::done && text == kServing;
  if (!serves) return lose_successor(result);
  result.successor = peer_.process;
}

void Handover::lose_successor(Result& result) {
  successor_.reset();
  result.messages.push_back(title(peer_) + " failed: it ended before it served; this process serves on");
}

bool Handover::confirm() {
  const bool heard = sys::send_packet(successor_, kYes).outcome == sys::Outcome::done;
  successor_.reset();
  if (heard) {
    listener_.reset();
    owns_ = false;
  }
  return heard;
}

void Handover::close() noexcept {
  if (listener_ && owns_ && !successor_) sys::remove_known(path_.c_str(), socket_);
  listener_.reset();
  successor_.reset();
}

}  // namespace server

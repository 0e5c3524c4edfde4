// Actors: the clients of the other listeners and the upstream servers.
#pragma once
#include <algorithm>
#include <deque>

#include "roles_model.hpp"

namespace sim {

using namespace roles;

// ---- a client --------------------------------------------------------------------------------------------

class Caller {
 public:
  Caller(World& world, const CallPlan& plan, const std::string& header) : world_(world), plan_(plan), header_(header.size()), said_(header + said_by(plan)) {
    if (plan.pause_ms != 0) waiting_until_ = world.now() + plan.pause_ms;
  }

  bool act() {
    if (over || waiting_until_ > world_.now()) return false;
    waiting_until_ = 0;
    if (!connection_) {
      connection_ = world_.connect_to_program(static_cast<std::uint16_t>(kFirstPort + static_cast<int>(plan_.to)));
      over = refused = !connection_;
      refused_in_ = world_.edition;
      return true;
    }
    return world_.chooser().choose(2) == 0 ? send() || read() : read() || send();
  }
  [[nodiscard]] std::uint64_t next_time() const { return over ? 0 : waiting_until_; }
  // The configuration that accepted or refused it.
  [[nodiscard]] std::size_t edition() const { return connection_ ? connection_->edition : refused_in_; }
  [[nodiscard]] bool has_sent_header() const { return sent_ >= header_; }
  [[nodiscard]] sys::Address address() const { return sys::loopback4(static_cast<std::uint16_t>(40'000 + (connection_ ? connection_->id : 0))); }

  std::string got;
  std::uint64_t ended_at = 0;
  bool over = false, saw_eof = false, saw_reset = false, left = false, refused = false;

 private:
  bool send() {
    const bool cuts = plan_.manner == Manner::vanish || plan_.manner == Manner::reset || plan_.manner == Manner::stall;
    const std::size_t end = cuts ? std::min(plan_.cut, said_.size()) : said_.size();
    if (sent_ < end) {
      const std::size_t piece = world_.chooser().some(std::min<std::size_t>(end - sent_, 5000));
      const std::size_t taken = world_.remote_send(*connection_, std::string_view{said_}.substr(sent_, piece));
      sent_ += taken;
      return taken > 0;
    }
    if (plan_.manner == Manner::vanish || plan_.manner == Manner::reset) {
      leave(plan_.manner == Manner::reset);
      return true;
    }
    const bool shuts = plan_.manner != Manner::stall && !waits_for_end(plan_) && (plan_.to != To::web || plan_.manner == Manner::shut);
    if (!shuts || shut_) return false;
    shut_ = true;
    world_.remote_shutdown(*connection_);
    return true;
  }

  bool read() {
    Connection& c = *connection_;
    std::size_t most = 4096;
    const bool holds = (plan_.manner == Manner::stop && !stopped_) || plan_.manner == Manner::leave;
    if (holds) most = plan_.cut - std::min(plan_.cut, got.size());
    if (holds && most == 0) {
      if (plan_.manner == Manner::leave) {
        leave(false);
        return true;
      }
      stopped_ = true;
      waiting_until_ = world_.now() + 1000;
      return true;
    }
    if (!c.down.arrived.empty()) {
      got += world_.remote_read(c, world_.chooser().some(most));
      return true;
    }
    if (!c.down.fin_arrived && !c.remote_reset) return false;
    ended_at = world_.now();
    saw_eof = c.down.fin_arrived;
    saw_reset = c.remote_reset && !saw_eof;
    over = true;
    world_.remote_close(c);
    return true;
  }

  void leave(bool by_reset) {
    over = left = true;
    by_reset ? world_.remote_rst(*connection_) : world_.remote_close(*connection_);
  }

  World& world_;
  const CallPlan& plan_;
  std::size_t header_;
  std::string said_;  // header included
  std::size_t sent_ = 0, refused_in_ = 0;
  ConnectionPtr connection_;
  bool shut_ = false, stopped_ = false;
  std::uint64_t waiting_until_ = 0;
};

// ---- an upstream server ----------------------------------------------------------------------------------

class Member {
 public:
  // `header_version`: version of the header that it receives; 0: none. `other`: a reload adds it.
  Member(World& world, const MemberPlan& plan, std::size_t index, bool web, std::uint8_t header_version, bool other)
      : world_(world), plan_(plan), web_(web), other_(other), header_version_(header_version) {
    using M = MemberPlan::Manner;
    if (plan.manner == M::refuses) return;
    host_ = &world.host(member_at(index, web), plan.manner == M::swallows ? World::Host::Manner::swallows
                                                                           : World::Host::Manner::accepts);
  }

  bool act() {
    if (host_ != nullptr && !host_->arrivals.empty()) {
      talks_.emplace_back().connection = host_->arrivals.front();
      host_->arrivals.pop_front();
      return true;
    }
    return std::any_of(talks_.begin(), talks_.end(), [this](Talk& talk) { return !talk.over && move(talk); });
  }
  // What the TCP proxy's server received.
  void tell(std::vector<Heard>& all) const {
    for (const Talk& talk : talks_)
      if (!web_) all.push_back(talk.all);
  }

 private:
  struct Talk {
    ConnectionPtr connection;
    Heard all;
    std::string heard, out;  // unanswered, unsent
    std::string first;       // the first bytes received
    std::size_t said = 0;
    std::uint32_t served = 0;
    bool over = false, closing = false, shut = false;
  };

  bool move(Talk& talk) {
    Connection& c = *talk.connection;
    const bool dies = plan_.manner == MemberPlan::Manner::dies;
    if (dies && talk.said >= plan_.cut && (plan_.cut > 0 || !c.down.arrived.empty())) {
      talk.over = true;
      world_.remote_rst(c);
      return true;
    }
    if (!talk.out.empty()) {
      std::size_t piece = world_.chooser().some(std::min<std::size_t>(talk.out.size(), 5000));
      if (dies) piece = std::min(piece, plan_.cut - talk.said);
      const std::size_t taken = world_.remote_send(c, std::string_view{talk.out}.substr(0, piece));
      talk.out.erase(0, taken);
      talk.said += taken;
      if (taken > 0) return true;
    }
    if (!web_ && !talk.shut && is_length(talk.first) && talk.said == std::stoul(talk.first.substr(1))) {
      talk.shut = true;
      world_.remote_shutdown(c);
      return true;
    }
    if (!c.down.arrived.empty() && talk.out.size() < 20'000) {
      talk.heard += world_.remote_read(c, world_.chooser().some(4096));
      if (!web_ && !take_header(talk)) return true;
      if (plan_.manner == MemberPlan::Manner::silent) talk.heard.clear();
      web_ ? serve(talk) : change(talk);
      return true;
    }
    const bool ended = c.down.arrived.empty() && (c.down.fin_arrived || c.remote_reset);
    if (!talk.out.empty() && !c.remote_reset) return false;
    if (!ended && !talk.closing) return false;
    talk.over = true;
    world_.remote_close(c);
    return true;
  }

  // Returns false if it is incomplete.
  bool take_header(Talk& talk) const {
    if (header_version_ != 0 && talk.all.header.empty()) {
      const std::size_t length = header_length(header_version_, talk.heard);
      if (length == 0) return false;
      talk.all.header = talk.heard.substr(0, length);
      talk.heard.erase(0, length);
    }
    talk.all.said += talk.heard;
    return true;
  }

  void change(Talk& talk) const {
    talk.first += talk.heard.substr(0, kLengthBytes - talk.first.size());
    talk.out += changed(talk.heard, other_);
    talk.heard.clear();
  }

  void serve(Talk& talk) {
    for (;;) {
      const std::size_t end = talk.heard.find("\r\n\r\n");
      if (end == std::string::npos || talk.closing) return;
      const std::string head = talk.heard.substr(0, end + 4);
      const bool post = head.starts_with("POST /api/"), get = head.starts_with("GET /api/");
      const bool forwarded = head.find("\r\nX-Forwarded-For: 127.0.0.1\r\n") != std::string::npos &&
                             head.find(other_ ? "\r\nVia: 1.1 other\r\n" : "\r\nVia: 1.1 proxy\r\n") != std::string::npos && head.find("\r\nHost: h.test\r\n") != std::string::npos;
      if ((!post && !get) || !forwarded) return world_.fault("a server behind the program was asked: " + head);
      const std::size_t size = std::strtoul(head.c_str() + head.find("/api/") + 5, nullptr, 10);
      const std::size_t posted = post ? size : 0;
      if (talk.heard.size() < head.size() + posted) return;
      const std::string body = talk.heard.substr(head.size(), posted);
      if (body != bytes_of(posted, 3)) return world_.fault("an upstream server received a body that no client sent");
      talk.heard.erase(0, head.size() + posted);
      const std::string answer = body_behind(size, body, other_);
      talk.closing = plan_.serves != 0 && ++talk.served == plan_.serves;
      talk.out += "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(answer.size()) +
                  (talk.closing ? "\r\nConnection: close" : "") + "\r\n\r\n" + answer;
    }
  }

  World& world_;
  const MemberPlan& plan_;
  bool web_, other_;
  std::uint8_t header_version_;
  World::Host* host_ = nullptr;
  std::deque<Talk> talks_;
};

}  // namespace sim

// Checks what the clients and origins of keep-alive connections have received.
#include <algorithm>
#include <map>
#include <set>

#include "history.hpp"

namespace sim {
namespace {

using AskId = std::pair<std::size_t, std::size_t>;  // visit and number

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 300)) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else
      out += c >= ' ' && c < 0x7f ? c : '?';
  }
  return out + (text.size() > 300 ? "..." : "");
}

bool begins(std::string_view whole, std::string_view with) { return whole.substr(0, with.size()) == with; }
// It may be the beginning of a response of the proxy itself.
bool begins_own(std::string_view head) { return begins("HTTP/1.0 ", head) || begins("HTTP/1.1 ", head); }

// The response may close the client's connection unrequested: the rest of the request is not read.
bool may_close(const Ask& ask) {
  return ask.answer.manner == Answer::Manner::early && ask.framing != Ask::Framing::none;
}
bool must_close(const Ask& ask) { return !ask.http11 || ask.close; }

bool is_kind(const Scenario& scenario, const Ask& ask) {
  using Manner = Answer::Manner;
  if (status_of_way(ask, scenario.houses[ask.house], scenario.parent) != 0) return false;
  if (has_tunnel(ask) && ask.tunnel.origin_breaks) return false;
  const Manner manner = ask.answer.manner;
  return manner == Manner::whole || manner == Manner::early || manner == Manner::surplus;
}

bool is_kind(const Visit& visit) { return visit.manner <= Visit::Manner::garbage; }

class Judge {
 public:
  Judge(const Scenario& scenario, const UnderWay& owed, const Editions& editions, const Visitors& visitors, const Houses& houses)
      : scenario_(scenario), owed_(owed), editions_(editions), visitors_(visitors), houses_(houses) {
    for (const auto& house : houses)
      for (const House::Serving& serving : house->servings) note(serving);
  }

  [[nodiscard]] std::string all() const {
    for (std::size_t i = 0; i < visitors_.size(); ++i)
      if (const std::string fault = visit(i); !fault.empty()) return "visit " + std::to_string(i) + ": " + fault;
    for (std::size_t i = 0; i < houses_.size(); ++i)
      for (const House::Serving& serving : houses_[i]->servings)
        if (const std::string fault = this->serving(i, serving); !fault.empty()) return "origin " + std::to_string(i) + ": " + fault;
    for (std::size_t i = 0; i < visitors_.size(); ++i)
      if (passed(i) && asked_since(i) > 2) return "visit " + std::to_string(i) + ": it goes on under an old configuration";
    for (const auto& [id, times] : asked_)
      if (const std::string fault = repeats(id, times); !fault.empty())
        return "request " + std::to_string(id.first) + "/" + std::to_string(id.second) + ": " + fault;
    return {};
  }

 private:
  struct Time {
    const House::Serving* serving;
    std::size_t place;  // on its connection
  };

  static bool is_used(const House::Serving& serving) {
    return serving.connection->read + serving.connection->written > 0;
  }

  void note(const House::Serving& serving) {
    for (std::size_t place = 0; place < serving.asked.size(); ++place) {
      const AskId id = serving.asked[place];
      // A tunnel has no head that would show which connection attempt was abandoned.
      if (scenario_.visits[id.first].asks[id.second].kind == Ask::Kind::connect && !asked_[id].empty()) {
        const House::Serving*& other = asked_[id].front().serving;
        if (!is_used(*other)) other = &serving;
        if (other == &serving || !is_used(serving)) continue;
      }
      asked_[id].push_back({&serving, place});
    }
    if (serving.connection->read > serving.spoiled_from) note_spoiled(serving.connection->offered_behind);
  }

  // Late unrequested bytes of an origin cannot be distinguished from its responses; an origin
  // that has closed may not have read the requests.
  void note_spoiled(const std::string& offered) {
    for (std::size_t index = 0; index < scenario_.visits.size(); ++index)
      for (std::size_t nth = 0; nth < scenario_.visits[index].asks.size(); ++nth)
        if (offered.find(path_of(index, nth) + " HTTP/") != std::string::npos) spoiled_.insert({index, nth});
  }

  [[nodiscard]] bool kind_for(std::size_t index) const {
    const bool after = scenario_.last_is_after && index + 1 == scenario_.visits.size();
    return (is_kind_world(scenario_) || after) && is_kind(scenario_.visits[index]);
  }

  // The status with which its configuration refuses it; 0: it is served.
  [[nodiscard]] int turned_away(std::size_t index) const { return status_of(editions_.of(visitors_[index]->edition())); }

  // A reload came while it was served: it ended after the previous response, which announced that.
  [[nodiscard]] bool may_have_ended(std::size_t index, std::size_t nth) const {
    const auto& messages = visitors_[index]->reader.messages;
    if (nth == 0 || messages.size() < nth || owed_.reloaded.contains({index, nth})) return false;
    return passed(index) && messages[nth - 1].head.find("\r\nConnection: close\r\n") != std::string::npos;
  }
  // Its requests that reached an origin since. One was in flight; the response to the next ends the connection.
  [[nodiscard]] std::size_t asked_since(std::size_t index) const {
    std::size_t count = 0;
    for (const auto& [id, times] : asked_) count += id.first == index && !owed_.reloaded.contains(id) ? 1 : 0;
    return count;
  }
  [[nodiscard]] bool passed(std::size_t index) const { return editions_.passed(visitors_[index]->edition()); }

  // The number of complete responses owed to the client. `broken`: the next one must be the proxy's own.
  [[nodiscard]] std::size_t promised(std::size_t index, bool& broken) const {
    broken = false;
    if (!kind_for(index)) return 0;
    const Visit& visit = scenario_.visits[index];
    if (visitors_[index]->refused && editions_.of(visitors_[index]->edition()) == Under::closed) return 0;
    if (turned_away(index) != 0) {
      broken = owed_.all && !(visit.pipelines && visitors_[index]->saw_reset);
      return 0;
    }
    // A reset that marks the last response as truncated may overtake earlier ones.
    const bool all_kind =
        std::all_of(visit.asks.begin(), visit.asks.end(), [this](const Ask& ask) { return is_kind(scenario_, ask); });
    if (visit.pipelines && visitors_[index]->saw_reset && !all_kind) return 0;
    for (std::size_t nth = 0; nth < visit.asks.size(); ++nth) {
      const Ask& ask = visit.asks[nth];
      if (spoiled_.contains({index, nth}) || !owed_.has_ask(index, nth) || may_have_ended(index, nth)) return nth;
      // It is sent once, over the logged-in connection, which the origin may have closed meanwhile.
      const auto first = visit.asks.begin();
      if ((!is_repeatable(ask) || ask.framing != Ask::Framing::none) && std::any_of(first, first + static_cast<std::ptrdiff_t>(nth), logs_in)) return nth;
      broken = !is_kind(scenario_, ask);
      if (broken) return nth;
      if (must_close(ask) || may_close(ask) || has_tunnel(ask)) return nth + 1;
    }
    return visit.asks.size();
  }

  // The status that the proxy's own response must have; 0: one of several.
  [[nodiscard]] int expected_status(const Ask& ask) const {
    using Manner = Answer::Manner;
    if (ask.framing != Ask::Framing::none) return 0;
    if (const int status = status_of_way(ask, scenario_.houses[ask.house], scenario_.parent); status != 0) return status;
    switch (ask.answer.manner) {
      case Manner::closes:
      case Manner::resets:
      case Manner::garbage: return 502;
      case Manner::silent: return 504;
      default: return 0;
    }
  }

  [[nodiscard]] std::string visit(std::size_t index) const {
    const Visitor& client = *visitors_[index];
    const Visit& plan = scenario_.visits[index];
    bool broken = false;
    const std::size_t whole = promised(index, broken);
    const auto& messages = client.reader.messages;
    for (std::size_t nth = 0; nth < messages.size(); ++nth) {
      if (spoiled_.contains({index, nth})) return {};
      const Reader::Message& message = messages[nth];
      const bool own = is_own_head(message.head);
      const bool last = nth + 1 == messages.size();
      if (nth >= plan.asks.size())
        return (own || (!message.head_whole && begins_own(message.head))) && plan.manner == Visit::Manner::garbage ? "" : "it has a response without a request: " + shown(message.head);
      if (own && nth < whole) return "request " + std::to_string(nth) + " must be answered, but has: " + shown(message.head);
      if (own && !last && message.head.find("\r\nConnection: close\r\n") != std::string::npos) return "a response follows the last one";
      if (own) continue;
      if (turned_away(index) != 0 && message.head_whole) return "it was served but must be refused: " + shown(message.head);
      if (const std::string fault = answer(plan.asks[nth], message, passed(index), nth < whole && !ended_by_reset(client, nth)); !fault.empty())
        return "answer " + std::to_string(nth) + ": " + fault + " in " + shown(client.got);
      if (message.head.find("\r\nConnection: close") != std::string::npos && !last) return "a response follows the last one";
    }
    if (!client.reader.wrong.empty()) return client.reader.wrong + ": " + shown(client.got);
    const std::size_t last_reset = !messages.empty() && ended_by_reset(client, messages.size() - 1) ? 1 : 0;
    if (client.reader.whole() + last_reset < whole)
      return "it must have " + std::to_string(whole) + " answers, but has " + std::to_string(client.reader.whole()) +
             (client.saw_reset ? " and a reset" : "");
    if (broken)
      if (const std::string fault = status(plan.asks[whole], client, whole, turned_away(index)); !fault.empty()) return fault;
    return client.reader.in_tunnel() ? tunnel(index, whole == messages.size()) : "";
  }

  // Bytes after the last request may arrive after the proxy has closed; then RST follows the complete response.
  [[nodiscard]] static bool ended_by_reset(const Visitor& client, std::size_t nth) {
    const Reader::Message& message = client.reader.messages[nth];
    const Visit& plan = client.plan();
    const bool more = nth + 1 < plan.asks.size() ? plan.pipelines : plan.manner == Visit::Manner::garbage;
    return more && client.saw_reset && message.until_eof && !message.whole && message.body == plan.asks[nth].answer.body;
  }

  [[nodiscard]] std::string status(const Ask& ask, const Visitor& client, std::size_t nth, int turned_away) const {
    const int usual = expected_status(ask);
    const int wanted = turned_away == 0 || ask.framing != Ask::Framing::none ? usual : turned_away;
    if (wanted == 0) return {};
    const bool has = client.reader.messages.size() > nth;
    const std::string head = has ? client.reader.messages[nth].head : "";
    // A HEAD response has no body; later bytes of the client may cause a reset.
    const bool right = has && (client.reader.messages[nth].whole || ask.method == "HEAD") &&
                       client.reader.messages[nth].head_whole && head.substr(0, 12) == (ask.http11 ? "HTTP/1.1 " : "HTTP/1.0 ") + std::to_string(wanted);
    return right ? "" : "it must have " + std::to_string(wanted) + ", but has: " + shown(head);
  }

  [[nodiscard]] std::string head(const Ask& ask, const Reader::Message& message, bool may_end) const {
    const auto interims = interims_expected(ask);
    for (std::size_t i = 0; i < message.interims.size(); ++i)
      if (i >= interims.size() || message.interims[i] != interims[i])
        return "it received a 1xx response that no origin sent: " + shown(message.interims[i]);
    const bool all = message.interims.size() == interims.size();
    const std::string_view got = message.head;
    if (all && !must_close(ask) && begins(answer_head_expected(ask, false), got)) return {};
    // If blocks are scarce, the block with pipelined bytes may be needed for the response.
    const bool closes = must_close(ask) || may_close(ask) || scenario_.blocks != 0 || !owed_.all || may_end;
    if (all && closes && begins(answer_head_expected(ask, true), got)) return {};
    if (!message.head_whole && !all && begins(interims[message.interims.size()], got)) return {};
    if (!message.head_whole && begins_own(got)) return {};
    return "its head is " + shown(got) + " instead of " + shown(answer_head_expected(ask, must_close(ask)));
  }

  [[nodiscard]] std::string answer(const Ask& ask, const Reader::Message& message, bool may_end, bool must) const {
    if (const std::string fault = head(ask, message, may_end); !fault.empty()) return fault;
    const std::string expected = bodiless(ask) || has_tunnel(ask) ? "" : ask.answer.body;
    if (!begins(expected, message.body))
      return "its body is " + shown(message.body) + " instead of " + shown(expected);
    if (must && !message.whole) return "it was truncated";
    // If the close alone marks the end, an origin that closes early has ended its response there.
    const bool said_so = ask.answer.manner == Answer::Manner::cuts && ends_by_eof(ask);
    if (message.whole && message.body.size() < expected.size() && !said_so)
      return "it was truncated undetectably: " + shown(message.body);
    return {};
  }

  // The tunnel after a client's last request. A forwarded end of stream must be true.
  [[nodiscard]] std::string tunnel(std::size_t index, bool must) const {
    const Visitor& client = *visitors_[index];
    const std::size_t nth = client.reader.messages.size() - 1;
    const Ask& ask = scenario_.visits[index].asks[nth];
    const auto found = asked_.find({index, nth});
    if (!begins(ask.tunnel.down, client.reader.tunnel)) return "the tunnel carried bytes that no side sent: " + shown(client.reader.tunnel);
    const House::Serving* other = found == asked_.end() ? nullptr : found->second.front().serving;
    if (client.saw_eof && (other == nullptr || !other->connection->up.fin_sent || client.reader.tunnel != other->tunnel_sent()))
      return "the tunnel ended falsely: " + std::to_string(client.reader.tunnel.size()) + " bytes";
    if (!must) return {};
    if (client.reader.tunnel != ask.tunnel.down || !client.saw_eof) return "the tunnel to the client was truncated";
    if (other->reader.tunnel != ask.tunnel.up || !other->saw_eof) return "the tunnel to the origin was truncated";
    return {};
  }

  [[nodiscard]] std::string serving(std::size_t house, const House::Serving& serving) const {
    for (const AskId& id : serving.asked)
      if (turned_away(id.first) != 0) return "it was asked but all requests are denied";
    std::size_t owner = scenario_.visits.size();  // the visit that has logged in on this connection; none yet
    for (const auto& [index, nth] : serving.asked) {
      if (owner < scenario_.visits.size() && index != owner) return "a connection with a login served another client";
      if (logs_in(scenario_.visits[index].asks[nth])) owner = index;
    }
    if (serving.in_tunnel && !serving.asked.empty()) {
      const auto [index, nth] = serving.asked.back();
      const Visitor& client = *visitors_[index];
      if (!begins(client.tunnel_sent(), serving.reader.tunnel)) return "the tunnel carried bytes that no side sent";
      // If a client leaves before its tunnel is open, the origin receives nothing.
      if (serving.saw_eof && !serving.reader.tunnel.empty() &&
          (!client.ended() || serving.reader.tunnel != client.tunnel_sent()))
        return "the tunnel ended falsely: " + std::to_string(serving.reader.tunnel.size()) + " bytes of " +
               std::to_string(client.tunnel_sent().size());
    }
    for (std::size_t place = 0; place < serving.asked.size() && place < serving.reader.messages.size(); ++place) {
      const auto [index, nth] = serving.asked[place];
      const Reader::Message& message = serving.reader.messages[place];
      const std::string& body = scenario_.visits[index].asks[nth].body;
      if (!begins(body, message.body) || (message.whole && message.body != body))
        return "the body of a request is " + shown(message.body) + " instead of " + shown(body);
    }
    if (serving.reader.messages.size() <= serving.asked.size()) return {};
    return is_beginning(house, serving.reader.messages.back().head) ? "" : "it received a partial head that no client sent";
  }

  [[nodiscard]] bool is_beginning(std::size_t house, const std::string& head) const {
    for (std::size_t index = 0; index < scenario_.visits.size(); ++index)
      for (std::size_t nth = 0; nth < scenario_.visits[index].asks.size(); ++nth)
        if ((scenario_.visits[index].asks[nth].house == house || house == scenario_.houses.size()) &&
            begins(ask_head_expected(scenario_.visits[index], nth, index, scenario_.houses, scenario_.parent), head))
          return true;
    return false;
  }

  // Once; twice if the request is idempotent and the first was on a reused connection.
  [[nodiscard]] std::string repeats(const AskId& id, const std::vector<Time>& times) const {
    const Ask& ask = scenario_.visits[id.first].asks[id.second];
    if (times.size() == 1) return {};
    if (times.size() > 2 || !is_repeatable(ask)) return "it came to the origin " + std::to_string(times.size()) + " times";
    for (const Time& time : times)
      if (time.place > 0) return {};
    return "it was retried without a reused connection";
  }

  const Scenario& scenario_;
  const UnderWay& owed_;
  const Editions& editions_;
  const Visitors& visitors_;
  const Houses& houses_;
  std::map<AskId, std::vector<Time>> asked_;
  std::set<AskId> spoiled_;
};

}  // namespace

std::string judge_talk(const Scenario& scenario, const UnderWay& owed, const Editions& editions, const Visitors& visitors,
                       const Houses& houses) {
  return Judge{scenario, owed, editions, visitors, houses}.all();
}

}  // namespace sim

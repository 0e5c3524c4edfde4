#include "history.hpp"

#include <set>

#include "../../src/base/text.hpp"
#include "../../src/config/command_line.hpp"
#include "../../src/doctor/census.hpp"
#include "../../src/server/server.hpp"
#include "../../src/state/blocks.hpp"
#include "../../src/state/diagnosis.hpp"
#include "../../src/watch/trace_printer.hpp"
#include "findings.hpp"
#include "recording.hpp"

namespace sim {

bool is_kind_world(const Scenario& scenario) {
  const std::size_t viewers = scenario.viewers.views.size();
  const std::size_t clients = scenario.pairs.size() + scenario.visits.size() + scenario.roles.calls.size() + viewers;
  // An idle keep-alive connection is closed for a new client when all records are in use.
  const std::size_t room = scenario.visits.empty() && scenario.roles.calls.empty() && viewers == 0 ? clients : clients + 1;
  // Without a pipe, a lane uses blocks.
  const bool harmless = !scenario.failure || scenario.failure->call == Call::pipe || scenario.failure->call == Call::resize_pipe ||
                        scenario.failure->call == Call::splice;
  return scenario.temper.error == 0 && harmless && scenario.lens.reset_percent == 0 && scenario.lens.descriptors_max == 0 && scenario.blocks == 0 && room <= scenario.max_requests &&
         scenario.descriptor_limit >= 64;
}

namespace {

using ClientManner = ClientPlan::Manner;
using OriginManner = OriginPlan::Manner;

constexpr std::string_view kClientManners[] = {"plain",  "half_close", "vanish", "reset",   "stop",
                                               "leave", "surplus",    "silent", "garbage", "stall",   "raw"};
constexpr std::string_view kOriginManners[] = {"answers", "keeps", "early",  "refuses", "swallows",
                                               "unknown", "nameless", "closes", "resets", "cuts",
                                               "breaks", "silent", "deaf", "garbage", "second",   "raw"};

bool is_kind(const OriginPlan& origin) {
  switch (origin.manner) {
    case OriginManner::answers:
    case OriginManner::keeps:
    case OriginManner::early:
    case OriginManner::second: return true;
    default: return false;
  }
}

bool comes_after(const Scenario& scenario, const Pair& pair) { return scenario.last_is_after && &pair == &scenario.pairs.back(); }

// The client must receive its complete response, whatever happens.
// `turned_away`: the status with which its configuration refuses it; 0: it is served.
bool must_be_whole(const Scenario& scenario, const Pair& pair, int turned_away) {
  const ClientManner manner = pair.client.manner;
  const bool kind_client = manner == ClientManner::plain || manner == ClientManner::half_close ||
                           manner == ClientManner::stop || manner == ClientManner::surplus;
  return kind_client && (is_kind_world(scenario) || comes_after(scenario, pair)) && is_kind(pair.origin) &&
         turned_away == 0 && status_of_way(pair, scenario.parent) == 0;
}

// The status that the proxy's own response must have; 0: one of several.
int expected_status(const Scenario& scenario, const Pair& pair, int turned_away) {
  if (!is_kind_world(scenario)) return 0;
  if (pair.client.manner == ClientManner::garbage) return 400;
  const std::size_t head = request_sent(pair, 0).find("\r\n\r\n") + 4;
  if (pair.client.manner == ClientManner::stall && pair.client.cut > 0 && pair.client.cut < head) return 408;
  if (pair.client.manner != ClientManner::plain) return 0;
  if (turned_away != 0) return pair.client.has_body ? 0 : turned_away;
  if (const int status = status_of_way(pair, scenario.parent); status != 0) return pair.client.has_body ? 0 : status;
  switch (pair.origin.manner) {
    case OriginManner::refuses:
    case OriginManner::unknown:
    case OriginManner::closes:
    case OriginManner::garbage: return pair.client.has_body ? 0 : 502;
    case OriginManner::resets: return 502;
    case OriginManner::swallows:
    case OriginManner::nameless: return 504;
    case OriginManner::silent: return 504;
    default: return 0;
  }
}

// ---- what a client has received --------------------------------------------------------------------------

// Is `text` a response of the proxy itself, or the detectably truncated beginning of one?
enum class Own : std::uint8_t { no, cut, whole };

Own own_answer(std::string_view text, bool to_head, bool saw_reset, int& status) {
  constexpr std::string_view kStart = "HTTP/1.0 ";
  if (text.size() <= kStart.size()) return kStart.substr(0, text.size()) == text ? Own::cut : Own::no;
  if (text.substr(0, kStart.size()) != kStart || (text[9] != '4' && text[9] != '5')) return Own::no;
  status = std::atoi(std::string{text.substr(9, 3)}.c_str());
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return Own::cut;
  const std::size_t length_at = text.find("Content-Length: ");
  if (length_at > end || text.substr(0, end).find("\r\nVia:") != std::string_view::npos) return Own::no;
  const auto length = static_cast<std::size_t>(std::atoi(std::string{text.substr(length_at + 16, 8)}.c_str()));
  const std::size_t body = text.size() - end - 4;
  // A request that could not be parsed may have been a HEAD, and its response may still have a body.
  if (body > length) return Own::no;
  return (body < length && !to_head) || saw_reset ? Own::cut : Own::whole;
}

// Without a leading 100 response or a part of it.
std::string_view without_continue(std::string_view got) {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  const std::size_t common = std::min(got.size(), kContinue.size());
  const bool is_one = common > 7 && got.substr(0, common) == kContinue.substr(0, common);
  return is_one ? got.substr(common) : got;
}

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

// Checks what the client received. Returns the error; empty: none.
std::string judge_client(const Scenario& scenario, const Pair& pair, const Client& client, bool owed, int turned_away) {
  const std::string expected = response_expected(pair);
  const std::string_view got = pair.client.expects_continue ? without_continue(client.got) : std::string_view{client.got};
  const bool whole = got == expected;
  if (owed && must_be_whole(scenario, pair, turned_away)) {
    // Bytes after the request may arrive after the proxy has closed; then RST follows the complete response.
    if (whole && (client.saw_eof || pair.client.manner == ClientManner::surplus)) return {};
    return "it must receive the complete response, but has " + std::to_string(got.size()) + " of " +
           std::to_string(expected.size()) + " bytes" + (client.saw_reset ? " and a reset" : "") + ": " + shown(got);
  }
  int status = 0;
  const Own own = own_answer(got, pair.client.method == "HEAD", client.saw_reset, status);
  if (const int wanted = owed ? expected_status(scenario, pair, turned_away) : 0; wanted != 0 && (own != Own::whole || status != wanted))
    return "it must have " + std::to_string(wanted) + ", but has: " + shown(got);
  if (turned_away != 0 && own == Own::no && !got.empty()) return "it was served but must be refused: " + shown(got);
  if (client.left || client.refused || own != Own::no || got.empty()) return {};
  if (pair.client.manner == ClientManner::garbage || pair.client.manner == ClientManner::silent)
    return "it has a response without a request: " + shown(got);
  if (expected.compare(0, got.size(), got) != 0)
    return "it received bytes that no host sent: " + shown(got) + " instead of " + shown(expected);
  const bool head_whole = got.find("\r\n\r\n") != std::string_view::npos;
  // If the close alone marks the end, an origin that closes early has ended its response there.
  const bool said_so = pair.origin.manner == OriginManner::cuts && !knows_length(pair) &&
                       pair.origin.framing == OriginPlan::Framing::eof;
  const bool looks_cut = said_so || client.saw_reset || !head_whole || (knows_length(pair) && !whole);
  if (!whole && !looks_cut) return "its response was truncated undetectably: " + shown(got);
  return {};
}

// An origin receives a prefix of the request, byte for byte; all of it if it read on and its response arrived.
std::string judge_origin(const Pair& pair, std::size_t index, const ParentPlan& parent, const Origin& origin, const Client& client) {
  const std::string expected = request_expected(pair, index, parent);
  if (origin.got != expected.substr(0, origin.got.size()))
    return "it has bytes that the client did not send: " + shown(origin.got) + " instead of " + shown(expected);
  const bool waits_for_all = pair.origin.manner == OriginManner::answers || pair.origin.manner == OriginManner::keeps;
  if (client.got == response_expected(pair) && waits_for_all && origin.got != expected)
    return "it responded before it had the request";
  if (origin.connections > 1) return "it was connected to more than once";
  return {};
}

// The largest share of a turn, twice as the state may change once, and the content of a block.
std::uint64_t turn_bytes_max(const Worker& worker) {
  using base::TurnBudget;
  const std::size_t share = std::clamp(worker.budget.bytes, TurnBudget::kShareMin, TurnBudget::kShareMax);
  return 2 * (share + base::kBlockBytes);
}

// No record moves more than its budget in a turn, so no record delays the others.
class Shares {
 public:
  std::string check(Worker& worker) {
    for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot) {
      const request_info& record = worker.table.at(slot);
      if (record.state == State::FREE) continue;
      auto& before = moved_[record.id];
      for (std::size_t way = 0; way < 2; ++way) {
        if (record.lane[way].bytes_sent - before[way] > turn_bytes_max(worker)) return "a record moved more in a turn than its share";
        before[way] = record.lane[way].bytes_sent;
      }
    }
    return {};
  }

 private:
  std::map<std::uint64_t, std::array<std::uint64_t, 2>> moved_;
};

// All clients have one address: together they may move as much as one client. A check whether a connection is silent
// reads one byte that does not count. Bytes of a parent's handshake
// do not count either; bytes of the host that follow are read before they are counted.
std::string check_allowance(const plan::Rate& rate, const World& world, std::uint64_t since, const Gate* gate, std::size_t uncounted) {
  if (rate.per_second == 0) return {};
  constexpr std::size_t kReadAtOnce = 16 * 1024;
  const std::uint64_t by_parent = gate == nullptr ? 0 : gate->said + gate->led_on * kReadAtOnce;
  const std::uint64_t probes = world.connections().size() + by_parent + uncounted;
  const std::uint64_t most = rate.burst + rate.per_second * (world.now() - since) / 1000 + probes;
  if (world.read_in_all <= most) return {};
  return "a client moved " + std::to_string(world.read_in_all) + " bytes, and may have moved " + std::to_string(most);
}

// A draining program accepts no client and ends after the last connection.
class Ending {
 public:
  std::string check(Worker& worker, const World& world, bool stopping) {
    if (!worker.draining) return {};
    for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot) {
      const request_info& record = worker.table.at(slot);
      const bool idle = record.wait == plan::Wait::idle || record.wait == plan::Wait::keep_alive;
      if (idle && !record.ready.linked()) return "a drained proxy waits for an idle client";
    }
    if (since_ == 0) since_ = world.now(), connections_ = worker.connections;
    if (worker.connections != connections_) return "a client was admitted after the listeners were closed";
    if (worker.upstreams.idle() != 0) return "an upstream connection is kept while draining";
    const bool late = world.now() >= since_ + kDrainMs;
    if (stopping != (late || worker.table.used() == worker.viewers)) return "the graceful shutdown did not end with the last connection";
    return {};
  }

 private:
  std::uint64_t since_ = 0, connections_ = 0;
};

// ---- invariants after each turn --------------------------------------------------------------------------

// No byte and no end of stream has been reported for an idle upstream connection.
std::string check_idle(Worker& worker, const World& world) {
  if (worker.upstreams.idle() - worker.upstreams.bound() > worker.current->config.keep_upstreams) return "too many idle connections are kept";
  if (worker.upstreams.idle() == 0) return {};
  std::set<int> used;
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot)
  {
    const request_info& record = worker.table.at(slot);
    for (const net::Endpoint& side : record.side) used.insert(side.fd.get());
    if (!record.exchange) continue;
    for (const net::Connector::Earlier& attempt : record.exchange->connector.earlier()) used.insert(attempt.endpoint.fd.get());
  }
  for (const int fd : world.open_sockets())
    if (!used.contains(fd) && world.has_spoken(fd)) return "an idle connection is kept that has ended or received bytes";
  return {};
}

std::string check_turn(Worker& worker, const World& world) {
  std::size_t used = 0, sides = 0, blocks = 0, pipes = 0, piped = 0, exchanges = worker.finished.size(), queued = 0, feeds = 0;
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot) {
    const request_info& record = worker.table.at(slot);
    if (record.state == State::FREE) {
      if (record.side[kClient].fd || record.side[kUpstream].fd || record.handshake || record.exchange || record.body_source) return "a free record holds something";
      continue;
    }
    ++used;
    if (state::find_diagnosis(record.state, record.wait) == nullptr)
      return "a record waits in a way that no row of kDiagnosisRows has: " + std::string{name(record.state)} + ", wait " +
             std::to_string(static_cast<int>(record.wait));
    if (!record.side[kClient].fd) return "a record in use has no client";
    sides += record.side[kUpstream].fd ? 2 : 1;
    sides += record.exchange ? record.exchange->connector.earlier().size() : 0U;
    blocks += record.handshake && record.handshake->lane.block ? 1 : 0;
    for (const net::Lane& lane : record.lane) {
      blocks += lane.block ? 1 : 0;
      pipes += lane.pipe ? 1 : 0;
      piped += lane.pipe ? lane.pipe->held : 0;
      if (lane.block && lane.pipe) return "a lane holds a block and a pipe";
      if (!lane.block && !lane.pipe && lane.held() != 0) return "a lane holds bytes without a block";
      if (lane.end > base::kBlockBytes || lane.begin > lane.end) return "a lane's bounds are wrong";
    }
    exchanges += record.exchange ? 1 : 0;
    feeds += record.body_source ? 1 : 0;
    if (record.body_source && !record.exchange) return "a body source is kept without an exchange";
    if (record.exchange && record.exchange->route.in_group && (record.exchange->route.tried >> record.exchange->route.member & 1U) == 0)
      return "a member of a group may be tried twice";
    queued += record.ready.linked() ? 1 : 0;
    // Each waiting record has a deadline or is in a queue.
    if (!record.ready.linked() && !record.timer.linked()) return "a waiting record has no deadline and is in no queue";
    if (record.needs_block && !record.timer.linked()) return "a record starves without a deadline";
    if (record.lane[kRequest].sink_closed && !record.lane[kRequest].repeatable &&
        (record.lane[kRequest].block || record.lane[kRequest].pipe))
      return "an upload whose sink has closed holds a block";
    if (record.timer.linked() && record.deadline > worker.now + record.generation->config.wait(record.wait))
      return "a deadline is farther away than its wait";
    // A waiting lane holds no empty block.
    if (!record.ready.linked() && record.state == State::READ_REQUEST && record.lane[kRequest].block &&
        record.lane[kRequest].end == 0)
      return "an idle record holds a block";
  }
  if (used != worker.table.used()) return "the table miscounts its records";
  if (sides + worker.upstreams.idle() != world.sockets()) return "descriptors open and records in use do not agree";
  if (sys::descriptors().open() != world.descriptors()) return "the descriptor ledger and the kernel do not agree";
  if (sys::descriptors().closed_twice().count != 0) return "a descriptor was closed twice";
  if (sys::descriptors().read_after_end().count != 0) return "a stream was read after its end";
  if (blocks != worker.blocks.used()) return "blocks held and blocks out do not agree";
  if (pipes != worker.pipes.used()) return "pipes held and pipes out do not agree";
  if (2 * worker.pipes.open() != world.pipe_ends()) return "pipes and their descriptors do not agree";
  if (piped != world.bytes_in_pipes()) return "bytes held and bytes in pipes do not agree";
  // The file server keeps a directory open.
  if (world.open_nodes() > feeds + 1) return "a file is open that no record sends";
  if (exchanges != worker.exchanges.used()) return "exchanges held and exchanges out do not agree";
  (void)queued;
  return {};
}

// The other connection attempts end when one succeeds, and only that one is written to.
std::string check_attempts(Worker& worker, const World& world) {
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot) {
    const request_info& record = worker.table.at(slot);
    if (!record.exchange) continue;
    const std::span<const net::Connector::Earlier> earlier = record.exchange->connector.earlier();
    const net::Endpoint& last = record.side[kUpstream];
    for (const net::Connector::Earlier& attempt : earlier)
      if (world.connection(attempt.endpoint.fd.get()).written > 0) return "a connection attempt is written to before it has won";
    if (!earlier.empty() && last.fd && world.connection(last.fd.get()).written > 0) return "connection attempts go on after one has succeeded";
  }
  return {};
}

// No group member has open work.
bool no_work_is_open(const Worker& worker) {
  const std::vector<plan::Group>& groups = worker.current->config.groups;
  for (std::size_t i = 0; i < groups.size(); ++i)
    for (std::size_t member = 0; member < groups[i].members.size(); ++member)
      if (worker.current->groups->open(i, member) != 0) return false;
  return true;
}

struct Stage {
  Stage(const Scenario& with, Chooser& chooser) : scenario(with), world(chooser, with.temper) {
    world.descriptor_limit = with.descriptor_limit;
    world.lens_limits_descriptors = with.lens.descriptors_max != 0;
    world.failure = with.failure;
    for (std::size_t i = 0; i < with.pairs.size(); ++i) {
      if (with.pairs[i].origin.manner == OriginManner::nameless) world.unanswered.insert(host_of(i, true));
      clients.push_back(std::make_unique<Client>(world, with.pairs[i], i));
      origins.push_back(std::make_unique<Origin>(world, with.pairs[i], i, with.parent));
      world.actors.emplace_back([client = clients.back().get()] { return client->act(); });
      world.actors.emplace_back([origin = origins.back().get()] { return origin->act(); });
    }
    for (std::size_t i = 0; i < with.visits.size(); ++i) {
      visitors.push_back(std::make_unique<Visitor>(world, with.visits[i], i, with.houses));
      world.actors.emplace_back([visitor = visitors.back().get()] { return visitor->act(); });
    }
    const bool absolute = with.parent.kind == ParentPlan::Kind::http && !with.http10;
    for (std::size_t i = 0; i < with.houses.size() + (absolute ? 1 : 0); ++i) {
      houses.push_back(std::make_unique<House>(world, with.houses, with.visits, with.parent, i));
      world.actors.emplace_back([house = houses.back().get()] { return house->act(); });
    }
    if (with.parent.kind != ParentPlan::Kind::none) open_gate();
    world.next_actor_time = [this] {
      std::uint64_t next = 0;
      const auto consider = [&next](const auto& all) {
        for (const auto& actor : all)
          if (const std::uint64_t time = actor->next_time(); time != 0 && (next == 0 || time < next)) next = time;
      };
      for (const std::uint64_t time : {roles.next_time(), viewers.next_time()})
        if (time != 0 && (next == 0 || time < next)) next = time;
      consider(clients);
      consider(visitors);
      consider(houses);
      return next;
    };
    world.when_still = [this] {
      // The program sleeps without a timeout: everything must have ended.
      if (!all_over()) return false;
      world.send_signal(sys::Signal::interrupt);
      return true;
    };
  }

  void open_gate() {
    std::vector<Target> targets;
    for (std::size_t i = 0; i < scenario.pairs.size(); ++i) targets.push_back(target_of(scenario.pairs[i], i));
    for (std::size_t i = 0; i < scenario.houses.size(); ++i) targets.push_back(target_of(scenario.houses[i], i));
    gate.emplace(world, scenario.parent, std::move(targets), [this](std::size_t to, const ConnectionPtr& connection, const std::string& begun) {
      if (scenario.http10) return origins[to]->take_over(connection, begun);
      houses[begun.empty() ? to : scenario.houses.size()]->take_over(connection, begun);
    });
    for (const auto& house : houses) house->hand_back = [this](const ConnectionPtr& connection) { gate->take_back(connection); };
    world.actors.emplace_back([this] { return gate->act(); });
  }

  [[nodiscard]] bool all_over() const {
    const auto over = [](const auto& client) { return client->finished(); };
    return roles.over() && viewers.over() && std::all_of(clients.begin(), clients.end(), over) && std::all_of(visitors.begin(), visitors.end(), over);
  }

  // Starts a graceful shutdown.
  void drain() {
    owed.all = false;
    for (std::size_t i = 0; i < origins.size(); ++i)
      if (!origins[i]->got.empty()) owed.pairs.insert(i);
    for (const auto& house : houses)
      for (const House::Serving& serving : house->servings) owed.asks.insert(serving.asked.begin(), serving.asked.end());
    world.send_signal(sys::Signal::terminate);
  }

  // Checks after a turn.
  std::string poll(std::uint64_t turn, const Worker& worker) {
    bool adopted = false;
    std::string fault = reloads.poll(turn, worker.draining, adopted);
    if (fault.empty() && adopted && worker.upstreams.idle() != 0) fault = "an idle connection of an old configuration is kept";
    if (fault.empty() && worker.machine.listeners().size() != world.listeners()) fault = "listeners open and listeners known do not agree";
    for (const auto& house : houses)
      if (adopted)
        for (const House::Serving& serving : house->servings) owed.reloaded.insert(serving.asked.begin(), serving.asked.end());
    return fault;
  }

  const Scenario& scenario;
  UnderWay owed;
  World world;
  Reloads reloads{world, scenario};
  Roles roles{world, scenario.roles, !scenario.reloads.empty()};
  Viewers viewers{world, scenario.viewers, scenario.max_requests, scenario.http10};
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::unique_ptr<Origin>> origins;
  Visitors visitors;
  Houses houses;
  std::optional<Gate> gate;
};

plan::Parent parent_for(const ParentPlan& with) {
  plan::Parent parent;
  parent.kind = with.kind == ParentPlan::Kind::http ? plan::Parent::Kind::http : plan::Parent::Kind::socks5;
  parent.hop.port = kParentPort;
  parent.hop.host = with.by_name ? kParentName : "10.0.0." + std::to_string(kParentIndex + 1);
  if (with.local) parent.hop = {.host = {}, .port = 0, .socket = kParentPath};
  if (with.login) parent.user = kParentUser;
  if (with.login) parent.password = kParentPassword;
  return parent;
}

// With reloads the first configuration is read from a file too.
plan::Config config_for(const Scenario& scenario, const Reloads& reloads) {
  if (!scenario.reloads.empty()) return config::parse_command_line(reloads.arguments()).config;
  plan::Config config;
  config.listeners.emplace_back().address = sys::loopback4(8080);
  config.max_requests = scenario.max_requests;
  config.buffer_mib = 1;
  config.access_log = "-";
  config.lens = scenario.lens;
  if (scenario.narrated) config.record_file = "history";  // is not begun: the server only keeps notes of requests
  config.http10 = scenario.http10;
  config.keep_upstreams = scenario.keep_upstreams;
  config.allowance.bytes = scenario.client_bytes;
  if (scenario.parent.kind != ParentPlan::Kind::none) config.parents.emplace_back().parent = parent_for(scenario.parent);
  config.drain_ms = kDrainMs;
  add_roles(config, scenario.roles);
  add_viewers(config, scenario.viewers);
  return config;
}

// The loop doctor counts each descriptor at its owner, at any time.
std::string check_descriptors(const Worker& worker, const server::Server& proxy) {
  const std::size_t owned = doctor::take_census(worker).descriptors + proxy.descriptors();
  const std::size_t open = sys::descriptors().open();
  return owned == open ? "" : std::to_string(open) + " descriptors are open, and " + std::to_string(owned) + " have an owner";
}

std::string tell(const base::Trace& trace) {
  std::string out;
  for (std::uint64_t at = trace.oldest(); at < trace.written(); ++at) {
    std::array<char, 256> room;
    base::Writer line{room};
    watch::write_entry(trace.at(at), watch::built_in_names(), line);
    out += "    " + std::string{line.view()};
  }
  return out;
}

constexpr std::uint64_t kTurnEntries = 2;  // in the trace, of each turn

// Runs the program until the world is still and its shutdown has begun, or an invariant is broken.
void run(Stage& stage, Outcome& outcome) {
  World& world = stage.world;
  const plan::Config config = config_for(stage.scenario, stage.reloads);
  server::Capacity capacity = server::capacity_for(config);
  capacity.trace_entries = 4096;
  if (stage.scenario.blocks != 0) capacity.blocks = stage.scenario.blocks;
  sys::Fd poller, signals;
  if (!server::open_descriptors(poller, signals).empty()) return;
  sys::Opened output = sys::open_stdout();
  server::Generations generations;
  generations.push_back(server::first_generation(config, capacity.slots));
  server::Resources resources{std::move(poller), capacity, *generations.back()};
  Worker& worker = resources.worker;
  server::Server proxy{resources, generations, std::move(signals), {std::move(output.fd), sys::Fd{}}, stage.reloads.arguments()};
  if (!proxy.listen().empty()) return;  // the failure loop may make it fail; then there is nothing to check
  worker.pipes.bulk_bytes = stage.scenario.bulk_bytes;
  // With thresholds that small bodies reach, shares are small, too.
  if (stage.scenario.bulk_bytes != net::Pipes::kBulkBytes) worker.budget.bytes = base::TurnBudget::kShareMin;
  proxy.announce();
  world.before_sleep = [&worker, &world] {
    const std::size_t limit = worker.blocks.limit(), used = worker.blocks.used();
    const bool head_could_start = worker.scheduler.block_needed(plan::BlockUse::head) && used < limit;
    if (worker.scheduler.block_needed() && (used < limit - limit / 16 || head_could_start || state::starving_others(worker) != nullptr))
      world.fault("the program sleeps while a record could get a block");
    if (!worker.scheduler.idle()) world.fault("the program sleeps while a record is ready");
  };
  Shares shares;
  Ending end;
  const std::uint64_t begun = world.now();
  std::uint64_t quiet_turns = 0;
  while (!proxy.stopping() && world.broken.empty()) {
    const std::uint64_t now = world.now(), moved = worker.trace.written();
    const auto calls = world.calls_made;
    stage.viewers.begin_turn(worker);
    proxy.turn();
    ++outcome.turns;
    if (const std::string fault = check_turn(worker, world); !fault.empty()) world.fault(fault);
    if (const std::string fault = check_descriptors(worker, proxy); !fault.empty()) world.fault(fault);
    if (const std::string fault = check_attempts(worker, world); !fault.empty()) world.fault(fault);
    if (const std::string fault = check_idle(worker, world); !fault.empty()) world.fault(fault);
    if (const std::string fault = shares.check(worker); !fault.empty()) world.fault(fault);
    if (const std::string fault = check_allowance(config.allowance.bytes, world, begun, stage.gate ? &*stage.gate : nullptr, stage.roles.uncounted()); !fault.empty()) world.fault(fault);
    // Through the lens, what a viewer does can be neither a call of the world nor an entry of the trace.
    const bool unwatched = stage.scenario.lens.text.empty();
    // A wait that is interrupted moves nothing.
    const bool quiet = stage.scenario.lens.intr_percent == 0 && now == world.now() && (moved + kTurnEntries == worker.trace.written() || (unwatched && moved == worker.trace.written())) && calls == world.calls_made &&
                       world.events_handed_out == 0;
    quiet_turns = quiet ? quiet_turns + 1 : 0;
    if (const std::string fault = end.check(worker, world, proxy.stopping()); !fault.empty()) world.fault(fault);
    if (const std::string fault = check_generations(worker, generations); !fault.empty()) world.fault(fault);
    if (const std::string fault = stage.viewers.check_turn(worker); !fault.empty()) world.fault(fault);
    if (const std::string fault = stage.poll(outcome.turns, worker); !fault.empty()) world.fault(fault);
    if (outcome.turns == stage.scenario.drained_after) stage.drain();
    if (quiet_turns > 2) world.fault("the loop spins: turns without event, time or progress");
  }
  for (const watch::FindingRow& row : watch::kFindingRows)
    if (proxy.findings()[row.finding].total > 0) outcome.findings.push_back(row.code);
  fault_errors(proxy, world);
  stage.viewers.keep_metrics(worker);
  if (world.broken.empty() && stage.all_over()) {
    if (worker.table.used() != 0 || worker.viewers != 0) world.fault("at the end a record is still in use");
    if (worker.blocks.used() != 0) world.fault("at the end a block is still in use");
    if (worker.pipes.used() != 0) world.fault("at the end a pipe is still in use");
    if (worker.upstreams.idle() != 0) world.fault("at the end an upstream connection is still kept");
    if (generations.size() != 1) world.fault("at the end an old configuration is still there");
    if (!no_work_is_open(worker)) world.fault("at the end a member of a group still has work");
  }
  if (world.broken.empty() && !stage.scenario.narrated) return;
  outcome.story += tell(worker.trace);
  outcome.recording = record_file_of(proxy);
}

void judge(Stage& stage) {
  const Editions& editions = stage.reloads.editions();
  for (std::size_t i = 0; i < stage.clients.size() && stage.world.broken.empty(); ++i) {
    const Pair& pair = stage.scenario.pairs[i];
    if (pair.client.manner == ClientManner::raw) continue;  // the fuzz target checks those
    const Client& client = *stage.clients[i];
    const Under under = editions.of(client.edition());
    const bool shut_out = client.refused && under == Under::closed;
    if (shut_out && client.got.empty() && stage.origins[i]->connections == 0) continue;
    if (const std::string fault = judge_client(stage.scenario, pair, client, stage.owed.has_pair(i), status_of(under)); !fault.empty())
      stage.world.fault("client " + std::to_string(i) + ": " + fault);
    if (const std::string fault = judge_origin(pair, i, stage.scenario.parent, *stage.origins[i], *stage.clients[i]); !fault.empty())
      stage.world.fault("origin " + std::to_string(i) + ": " + fault);
    if (status_of(under) != 0 && stage.origins[i]->connections > 0) stage.world.fault("origin " + std::to_string(i) + ": it was asked but all requests are denied");
  }
  if (!stage.world.broken.empty()) return;
  const ViewedWorld seen{.kind = is_kind_world(stage.scenario) && stage.scenario.client_bytes.per_second == 0,
                         .http10 = stage.scenario.http10,
                         .changes = !stage.owed.all || !stage.scenario.reloads.empty(),
                         .errors = stage.scenario.temper.error != 0};
  if (const std::string fault = stage.viewers.judge(seen, editions); !fault.empty()) return stage.world.fault(fault);
  if (const std::string fault = stage.roles.judge(is_kind_world(stage.scenario), editions); !fault.empty()) return stage.world.fault(fault);
  if (const std::string fault = judge_talk(stage.scenario, stage.owed, editions, stage.visitors, stage.houses); !fault.empty()) stage.world.fault(fault);
}

}  // namespace

Outcome play(const Scenario& scenario, Chooser& chooser) {
  Outcome outcome;
  Stage stage{scenario, chooser};
  stage.world.work_max = World::kWorkMax;
  stage.world.enter();
  run(stage, outcome);
  if (stage.world.broken.empty() && !stage.owed.all) {
    stage.world.play_out();
    if (!stage.all_over()) stage.world.fault("the program has ended, and a client connection was not closed");
  }
  if (stage.world.broken.empty() && stage.world.descriptors() != 0)
    stage.world.fault(std::to_string(stage.world.descriptors()) + " descriptors are left open");
  if (stage.world.broken.empty() && stage.all_over()) judge(stage);
  for (std::size_t i = 0; i < stage.clients.size(); ++i) outcome.seen.push_back({stage.clients[i]->got, stage.origins[i]->got});
  outcome.broken = stage.world.broken;
  if (!outcome.broken.empty() && !outcome.findings.empty()) {
    outcome.broken += "; findings:";
    for (const std::string_view code : outcome.findings) outcome.broken += ' ' + std::string{code};
  }
  outcome.calls = stage.world.calls_made;
  if (!outcome.broken.empty()) outcome.story += stage.world.log;
  stage.world.leave();
  return outcome;
}

// ---- scenarios -------------------------------------------------------------------------------------------

namespace {

std::string draw_body(Chooser& chooser) {
  static constexpr std::size_t kSizes[] = {0, 1, 5, 100, 2000, 9000, 40'000, 400'000};
  const std::size_t size = kSizes[chooser.choose(chooser.choose(8) == 0 ? 8 : 7)];
  std::string body(size, '\0');
  const std::uint32_t salt = chooser.choose(251);
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>((i * 31 + i / 251 + salt) & 0xff);
  return body;
}

Headers draw_headers(Chooser& chooser, const char* prefix) {
  Headers headers;
  for (std::uint32_t i = chooser.choose(4); i > 0; --i) headers.emplace_back(prefix + std::to_string(i % 2), "v" + std::to_string(i));
  return headers;
}

ClientPlan draw_client(Chooser& chooser) {
  ClientPlan plan;
  static constexpr const char* kMethods[] = {"GET", "GET", "HEAD", "POST", "PUT", "BREW"};
  plan.manner = chooser.choose(2) == 0 ? ClientManner::plain : static_cast<ClientManner>(chooser.choose(10));
  plan.method = kMethods[chooser.choose(6)];
  plan.http11 = chooser.choose(2) == 0;
  plan.headers = draw_headers(chooser, "X-A");
  plan.has_body = plan.method == "POST" || plan.method == "PUT" || chooser.choose(8) == 0;
  if (plan.has_body) plan.body = draw_body(chooser);
  plan.expects_continue = plan.http11 && plan.has_body && chooser.choose(4) == 0;
  plan.cut = chooser.choose(400);
  plan.pause_ms = chooser.choose(4) == 0 ? chooser.choose(50) : 0;
  return plan;
}

OriginPlan draw_origin(Chooser& chooser) {
  OriginPlan plan;
  static constexpr int kStatus[] = {200, 200, 200, 404, 204, 304};
  plan.manner = chooser.choose(2) == 0 ? OriginManner::answers : static_cast<OriginManner>(chooser.choose(15));
  plan.framing = static_cast<OriginPlan::Framing>(chooser.choose(3));
  plan.status = kStatus[chooser.choose(6)];
  plan.interims = chooser.choose(5) == 0 ? static_cast<int>(chooser.choose(3)) : 0;
  plan.headers = draw_headers(chooser, "X-B");
  plan.body = draw_body(chooser);
  plan.cut = chooser.choose(600);
  for (std::uint32_t i = chooser.choose(4); i > 0; --i) plan.chunks.push_back(1 + chooser.choose(300));
  const bool open_ended = plan.framing == OriginPlan::Framing::eof;
  if (open_ended && (plan.manner == OriginManner::keeps || plan.manner == OriginManner::early))
    plan.framing = OriginPlan::Framing::length;
  return plan;
}

}  // namespace

namespace {

void draw_pairs(Chooser& chooser, Scenario& scenario) {
  for (std::size_t i = 0, count = 1 + chooser.choose(3); i < count; ++i) {
    Pair pair{draw_client(chooser), draw_origin(chooser), chooser.choose(2) == 0};
    const OriginManner manner = pair.origin.manner;
    pair.by_name |= manner == OriginManner::second || manner == OriginManner::unknown || manner == OriginManner::nameless;
    scenario.pairs.push_back(std::move(pair));
  }
}

// A host has several addresses, or there is a parent proxy.
void draw_ways(Chooser& chooser, Scenario& scenario) {
  using Kind = ParentPlan::Kind;
  if (chooser.choose(2) == 0) scenario.parent = draw_parent(chooser);
  for (Pair& pair : scenario.pairs) {
    OriginPlan& origin = pair.origin;
    const bool answers = origin.manner != OriginManner::closes && origin.manner != OriginManner::resets;
    // An HTTP parent would have to respond in their place.
    const bool away = origin.manner >= OriginManner::refuses && origin.manner <= OriginManner::nameless;
    if (away && scenario.parent.kind == Kind::http) origin.manner = OriginManner::answers;
    if (scenario.parent.kind != Kind::none || !answers || away || chooser.choose(4) == 0) continue;
    pair.by_name = true;
    origin.spots = draw_spots(chooser);
  }
  for (HousePlan& house : scenario.houses) {
    if (scenario.parent.kind != Kind::none || house.manner == HousePlan::Manner::refuses || chooser.choose(4) == 0) continue;
    house.by_name = true;
    house.spots = draw_spots(chooser);
  }
}

// How adverse the world is, and which resources are short.
void draw_world(Chooser& chooser, Scenario& scenario) {
  static constexpr std::size_t kRooms[] = {1, 7, 64, 600, 4096, 65'536, 1 << 20};
  scenario.temper.send_room = kRooms[chooser.choose(7)];
  // With tiny windows large bodies would take too long.
  for (Pair& pair : scenario.pairs) {
    const std::size_t most = scenario.temper.send_room * 300;
    if (pair.client.body.size() > most) pair.client.body.resize(most);
    if (pair.origin.body.size() > most) pair.origin.body.resize(most);
  }
  limit_talk(scenario, scenario.temper.send_room * 100);
  limit_roles(scenario.roles, scenario.temper.send_room * 300);
  scenario.temper.short_io = chooser.choose(5);
  scenario.temper.split = chooser.choose(5);
  scenario.temper.linger = chooser.choose(4);
  scenario.temper.error = chooser.choose(6) == 0 ? 60 + chooser.choose(200) : 0;
  if (chooser.choose(10) == 0) scenario.blocks = 1 + chooser.choose(3);
  if (chooser.choose(16) == 0) scenario.max_requests = 1;
  if (chooser.choose(16) == 0) scenario.descriptor_limit = 9 + chooser.choose(6);  // at least one for a reserved descriptor
  if (chooser.choose(6) == 0) scenario.client_bytes = {std::uint64_t{20'000} << chooser.choose(6), std::uint64_t{500} << chooser.choose(9)};
  static constexpr std::uint32_t kBulk[] = {net::Pipes::kBulkBytes, 0, 1, 1024};
  scenario.bulk_bytes = kBulk[chooser.choose(4)];
}

}  // namespace

Scenario draw(Chooser& chooser, bool http10, bool by_ways) {
  Scenario scenario;
  http10 ? draw_pairs(chooser, scenario) : draw_talk(chooser, scenario);
  draw_world(chooser, scenario);
  if (by_ways) draw_ways(chooser, scenario);
  if (chooser.choose(6) == 0) scenario.drained_after = 1 + chooser.choose(chooser.choose(2) == 0 ? 12 : 80);
  draw_reloads(chooser, scenario);
  return scenario;
}

Scenario draw_with_roles(Chooser& chooser) {
  Scenario scenario;
  scenario.http10 = false;
  scenario.roles = draw_roles(chooser);
  draw_world(chooser, scenario);
  if (scenario.descriptor_limit < 64) scenario.descriptor_limit += 10;  // for the acceptors and their reserved descriptors
  scenario.roles.of_one = scenario.client_bytes.per_second != 0;
  draw_proxy_headers(chooser, scenario.roles);
  draw_reloads(chooser, scenario);
  return scenario;
}

std::string describe(const Scenario& scenario) {
  std::string out = (scenario.http10 ? "" : describe_talk(scenario)) + describe(scenario.parent) + describe(scenario.roles) + describe(scenario.viewers);
  for (std::size_t i = 0; i < scenario.pairs.size(); ++i) {
    const Pair& pair = scenario.pairs[i];
    out += "  " + std::to_string(i) + ": client " + std::string{kClientManners[static_cast<std::size_t>(pair.client.manner)]} + " " +
           pair.client.method + (pair.client.http11 ? " 1.1" : " 1.0") + (pair.client.expects_continue ? " expects 100" : "") +
           " body " + (pair.client.has_body ? std::to_string(pair.client.body.size()) : "none") + " cut " +
           std::to_string(pair.client.cut) + " pause " + std::to_string(pair.client.pause_ms) + "; origin " +
           std::string{kOriginManners[static_cast<std::size_t>(pair.origin.manner)]} + " " + std::to_string(pair.origin.status) +
           " framing " + std::to_string(static_cast<int>(pair.origin.framing)) + " interims " +
           std::to_string(pair.origin.interims) + " body " + std::to_string(pair.origin.body.size()) + " cut " +
           std::to_string(pair.origin.cut) + (pair.by_name ? " by name" : "") +
           (pair.origin.spots.empty() ? "" : " at " + describe(pair.origin.spots)) + "\n";
  }
  out += "  room " + std::to_string(scenario.temper.send_room) + " short " + std::to_string(scenario.temper.short_io) + " split " +
         std::to_string(scenario.temper.split) + " linger " + std::to_string(scenario.temper.linger) + " overtake " + std::to_string(scenario.temper.overtake) + " error " +
         std::to_string(scenario.temper.error) + " blocks " + std::to_string(scenario.blocks) + " requests " +
          std::to_string(scenario.max_requests) + " descriptors " + std::to_string(scenario.descriptor_limit) + " bytes " +
         std::to_string(scenario.client_bytes.per_second) + ":" + std::to_string(scenario.client_bytes.burst) + " bulk " +
         std::to_string(scenario.bulk_bytes) + (scenario.lens.text.empty() ? "" : " lens " + scenario.lens.text) + (scenario.drained_after == 0 ? "" : " drained after " + std::to_string(scenario.drained_after) + " turns") + "\n";
  return out + describe(scenario.reloads);
}

Scenario shrink(const Scenario& scenario, const std::function<bool(const Scenario&)>& fails) {
  Scenario best = scenario;
  const auto attempt = [&best, &fails](const std::function<void(Scenario&)>& change) {
    Scenario smaller = best;
    change(smaller);
    if (fails(smaller)) best = std::move(smaller);
  };
  shrink_lens(attempt);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < best.pairs.size() && best.pairs.size() > 1;) {
      const std::size_t before = best.pairs.size();
      attempt([i](Scenario& s) { s.pairs.erase(s.pairs.begin() + static_cast<std::ptrdiff_t>(i)); });
      if (best.pairs.size() == before) ++i;
    }
    for (std::size_t i = 0; i < best.pairs.size(); ++i) {
      attempt([i](Scenario& s) { s.pairs[i].client.manner = ClientManner::plain; });
      attempt([i](Scenario& s) { s.pairs[i].origin.manner = OriginManner::answers; });
      attempt([i](Scenario& s) { s.pairs[i].origin.body.resize(s.pairs[i].origin.body.size() / 8); });
      attempt([i](Scenario& s) { s.pairs[i].client.body.resize(s.pairs[i].client.body.size() / 8); });
      attempt([i](Scenario& s) { s.pairs[i].client.headers.clear(); s.pairs[i].origin.headers.clear(); });
      attempt([i](Scenario& s) { s.pairs[i].client.pause_ms = 0; });
      attempt([i](Scenario& s) { s.pairs[i].origin.interims = 0; });
      attempt([i](Scenario& s) { s.pairs[i].client.method = "GET"; s.pairs[i].client.has_body = s.pairs[i].client.expects_continue = false; s.pairs[i].client.body.clear(); });
      attempt([i](Scenario& s) { s.pairs[i].origin.framing = OriginPlan::Framing::length; });
    }
    for (std::size_t i = 0; i < best.pairs.size(); ++i) attempt([i](Scenario& s) { s.pairs[i].origin.spots.clear(); });
    attempt([](Scenario& s) { s.parent = {}; });
    attempt([](Scenario& s) { s.parent.login = s.parent.by_name = s.parent.local = false; s.parent.spots.resize(1); });
    shrink_talk(best, attempt);
    shrink_roles([&attempt](const auto& change) { attempt([&change](Scenario& s) { change(s.roles); }); }, best.roles);
    shrink_viewers([&attempt](const auto& change) { attempt([&change](Scenario& s) { change(s.viewers); }); }, best.viewers);
    attempt([](Scenario& s) { s.temper.short_io = 0; });
    attempt([](Scenario& s) { s.temper.split = 0; });
    attempt([](Scenario& s) { s.temper.error = 0; });
    attempt([](Scenario& s) { s.temper.linger = 0; });
    attempt([](Scenario& s) { s.temper.overtake = 0; });
    attempt([](Scenario& s) { s.temper.send_room = 65'536; });
    attempt([](Scenario& s) { s.blocks = 0; });
    attempt([](Scenario& s) { s.drained_after = 0; });
    for (std::size_t i = best.reloads.size(); i > 0; --i)
      attempt([i](Scenario& s) { s.reloads.erase(s.reloads.begin() + static_cast<std::ptrdiff_t>(i - 1)); });
    attempt([](Scenario& s) { s.client_bytes = {}; });
    attempt([](Scenario& s) { s.bulk_bytes = net::Pipes::kBulkBytes; });
    attempt([](Scenario& s) { s.descriptor_limit = 256; s.max_requests = 8; });
  }
  return best;
}

}  // namespace sim

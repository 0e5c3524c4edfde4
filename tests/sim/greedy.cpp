#include "greedy.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "../../src/http/basic_auth.hpp"
#include "../../src/server/server.hpp"
#include "../../src/state/blocks.hpp"
#include "findings.hpp"
#include "recording.hpp"

namespace sim {
namespace {

// How an origin treats a request, by the last number of its address 10.0.0.N.
enum Manner : std::uint8_t { kResponds = 1, kSilent = 2, kPours = 3 };

constexpr std::uint16_t kProxyPort = 8080, kWebPort = 8081;

struct ModestRequest {
  std::string_view sends;
  std::uint16_t port;
};

// What all connections of a greedy client do. A further kind of greed is a further row. In `sends`, "{n}" is the
// number of the connection, and "{login}" a wrong password, another one each time.
struct Kind {
  std::string_view name;
  std::string_view sends;  // at once
  bool reads;
  std::uint16_t port = kProxyPort;
  std::size_t times = 1;  // so many times `sends`, pipelined
};
constexpr std::array kKinds{
    Kind{"silent", "", true},
    Kind{"half heads", "GET http://10.0.0.1/ HTTP/1.1\r\nHo", true},
    Kind{"refused requests", "GET / HTTP/1.1\r\n\r\n", true},
    Kind{"refused requests, unread", "GET / HTTP/1.1\r\n\r\n", false},
    Kind{"requests without a response", "GET http://10.0.0.2/ HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n", true},
    Kind{"readers that read nothing", "GET http://10.0.0.3/ HTTP/1.1\r\nHost: 10.0.0.3\r\n\r\n", false},
    Kind{"readers", "GET http://10.0.0.3/ HTTP/1.1\r\nHost: 10.0.0.3\r\n\r\n", true},
    Kind{"uploads that send nothing", "PUT http://10.0.0.2/ HTTP/1.1\r\nHost: 10.0.0.2\r\nContent-Length: 9\r\n\r\n", true},
    Kind{"idle tunnels", "CONNECT 10.0.0.2:80 HTTP/1.1\r\nHost: 10.0.0.2:80\r\n\r\n", true},
    Kind{"a flood of requests", "GET http://10.0.0.1/ HTTP/1.0\r\nHost: 10.0.0.1\r\n\r\n", true},
    Kind{"a flood of names", "GET http://silent{n}.test/ HTTP/1.1\r\nHost: silent{n}.test\r\n\r\n", true},
    Kind{"wrong passwords", "GET http://10.0.0.1/ HTTP/1.1\r\nHost: 10.0.0.1\r\n{login}\r\n", true},
    Kind{"compressed files", "GET /large.txt HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n", true, kWebPort},
    Kind{"listings", "GET /folder/ HTTP/1.1\r\nHost: h\r\n\r\n", true, kWebPort},
    Kind{"listings, unread", "GET /folder/?sort=size HTTP/1.1\r\nHost: h\r\n\r\n", false, kWebPort},
    Kind{"pipelined requests for files", "GET /modest.txt HTTP/1.1\r\nHost: h\r\n\r\n", true, kWebPort, 60},
};
// The request of the modest client, by GreedyScenario::modest. It is answered in the same way by all.
constexpr std::array kModestRequests{
    ModestRequest{"GET http://10.0.0.1/modest HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: close\r\n{login}\r\n", kProxyPort},
    ModestRequest{"GET http://modest.test/modest HTTP/1.1\r\nHost: modest.test\r\nConnection: close\r\n{login}\r\n", kProxyPort},
    ModestRequest{"GET /modest.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", kWebPort},
};
constexpr std::string_view kModestName = "modest.test", kPassword = "right";
constexpr std::size_t kPoured = 100'000;  // bytes of a large response

// The bounds. While buffers are short, a request waits at most kBlockWaitMs for each of their
// holders; apart from that it waits for turns in which the proxy could act on it, and has not.
constexpr std::uint64_t kTurnsMax = 8;
// Before its own password: each other client has one ahead, and a wrong one takes two hashes.
constexpr std::size_t kHashesMax = 2 * 2 + 1;
constexpr std::uint64_t kMsMax = 20'000;  // for all requests together: no timeout of another connection is waited for

// After each kBlockWaitMs a greedy client that holds a buffer loses a connection.
std::uint64_t ms_max(const GreedyScenario& scenario) {
  std::uint64_t connections = 0;
  for (const GreedyPlan& client : scenario.clients) connections += client.lives;
  return kMsMax + connections * state::kBlockWaitMs;
}

sys::Address numbered(std::uint8_t network, std::size_t number) {
  sys::Address address = sys::loopback4(0);
  address.bytes = {10, network, 0, static_cast<std::uint8_t>(number)};
  return address;
}

// The line of Proxy-Authorization.
std::string login(std::string_view password) {
  std::array<char, 256> room;
  base::Writer out{room};
  out << "Proxy-Authorization: Basic ";
  http::put_basic(out, "ann", password) << "\r\n";
  return std::string{out.view()};
}

std::string replaced(std::string text, std::string_view what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

bool is_over(const Connection& connection) { return connection.remote_reset || connection.down.fin_arrived; }

class Greedy {
 public:
  Greedy(World& world, const GreedyPlan& plan, std::size_t number)
      : world_(world), plan_(plan), kind_(kKinds[plan.kind]), from_(numbered(1, number + 1)) {}

  bool act() {
    for (std::size_t i = 0; i < open_.size(); ++i)
      if (act_on(i)) return true;
    if (over || open_.size() >= plan_.width || lives_ >= plan_.lives) return false;
    const ConnectionPtr fresh = world_.connect_to_program(kind_.port, from_);
    if (!fresh) return false;
    const std::string number = std::to_string(++lives_) + '-' + std::to_string(from_.bytes[3]);
    world_.unanswered.insert("silent" + number + ".test");
    std::string sends;
    for (std::size_t i = 0; i < kind_.times; ++i) sends += kind_.sends;
    open_.push_back({fresh, replaced(replaced(sends, "{n}", number), "{login}", login(number))});
    return true;
  }
  bool over = false;  // closes all

 private:
  struct Own {
    ConnectionPtr connection;
    std::string rest;  // to send
  };
  bool act_on(std::size_t i) {
    Own& own = open_[i];
    if (over || is_over(*own.connection)) {
      world_.remote_close(*own.connection);
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    const std::size_t sent = world_.remote_send(*own.connection, own.rest);
    own.rest.erase(0, sent);
    return sent > 0 || (kind_.reads && !world_.remote_read(*own.connection, 4096).empty());
  }

  World& world_;
  const GreedyPlan& plan_;
  const Kind& kind_;
  sys::Address from_;
  std::vector<Own> open_;
  std::uint32_t lives_ = 0;
};

// The origins of all requests.
class Origins {
 public:
  Origins(World& world, std::size_t body) : world_(world), body_(body) {
    for (const Manner manner : {kResponds, kSilent, kPours}) {
      sys::Address address = numbered(0, manner);
      address.port = 80;
      hosts_[manner] = &world.host(address, World::Host::Manner::accepts);
    }
  }
  bool act() {
    for (auto& [manner, host] : hosts_)
      if (!host->arrivals.empty()) {
        serving_.push_back({host->arrivals.front(), manner, {}, {}});
        host->arrivals.pop_front();
        return true;
      }
    return std::any_of(serving_.begin(), serving_.end(), [this](Serving& one) { return serve(one); });
  }
  // An event has reported the response to the modest client, and the proxy has not read it.
  [[nodiscard]] bool response_waits() const {
    return std::any_of(serving_.begin(), serving_.end(), [this](const Serving& one) {
      return one.got.find("/modest") != std::string::npos && !one.connection->up.arrived.empty() && !one.connection->closed && !world_.event_due(*one.connection);
    });
  }

 private:
  struct Serving {
    ConnectionPtr connection;
    Manner manner;
    std::string got, rest;  // received; of the response, not sent yet
  };
  bool serve(Serving& one) {
    if (one.connection->remote_closed) return false;
    const std::string came = world_.remote_read(*one.connection, 4096);
    one.got += came;
    if (one.manner != kSilent && !came.empty() && one.got.ends_with("\r\n\r\n")) {
      const std::size_t size = one.manner == kPours ? kPoured : body_;
      one.rest += "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x');
    }
    const std::size_t sent = world_.remote_send(*one.connection, one.rest);
    one.rest.erase(0, sent);
    if (came.empty() && sent == 0 && is_over(*one.connection)) {
      world_.remote_close(*one.connection);
      return true;
    }
    return !came.empty() || sent > 0;
  }

  World& world_;
  std::size_t body_;
  std::map<Manner, World::Host*> hosts_;
  std::vector<Serving> serving_;
};

// One request after another, each on a connection of its own, each read as it comes.
class Modest {
 public:
  Modest(World& world, const GreedyScenario& scenario)
      : world_(world),
        scenario_(scenario),
        port_(kModestRequests[scenario.modest].port),
        request_(replaced(std::string{kModestRequests[scenario.modest].sends}, "{login}", scenario.users ? login(kPassword) : "")) {}

  bool act() {
    if (done()) return false;
    if (!connection_) {
      connection_ = world_.connect_to_program(port_, address());
      return connection_ != nullptr;
    }
    const std::size_t sent = world_.remote_send(*connection_, std::string_view{request_}.substr(sent_));
    sent_ += sent;
    const std::string came = world_.remote_read(*connection_, 4096);
    got_ += came;
    if (!came.empty() || sent > 0) return true;
    if (!is_over(*connection_)) return false;
    if (!got_.starts_with("HTTP/1.1 200 ") || !got_.ends_with("\r\n\r\n" + std::string(scenario_.body, 'x')))
      world_.fault("the modest client's request " + std::to_string(served_ + 1) + " has: " + got_.substr(0, 60));
    world_.remote_close(*connection_);
    connection_.reset();
    got_.clear();
    sent_ = 0;
    ++served_;
    return true;
  }
  static sys::Address address() { return numbered(2, 1); }
  [[nodiscard]] bool done() const { return served_ == scenario_.requests; }
  // An event has reported it, and the proxy has not accepted it, or not read what it has sent.
  [[nodiscard]] bool request_waits() const {
    return connection_ && !connection_->closed && (!connection_->accepted || !connection_->up.arrived.empty()) &&
           !world_.event_due(*connection_);
  }
  // It has read all that was sent to it, and the proxy knows.
  [[nodiscard]] bool is_ready() const {
    return connection_ && connection_->down.flight.empty() && connection_->down.arrived.empty() && !world_.event_due(*connection_);
  }

 private:
  World& world_;
  const GreedyScenario& scenario_;
  std::uint16_t port_;
  std::string request_;
  ConnectionPtr connection_;
  std::string got_;
  std::size_t sent_ = 0;
  std::uint32_t served_ = 0;
};

// Where the modest client's record is in the proxy.
request_info* modest_record(Worker& worker) {
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot)
    if (request_info& record = worker.table.at(slot); record.state != State::FREE && record.client.bytes == Modest::address().bytes)
      return &record;
  return nullptr;
}

// It waits for its turn: for a part of the turn's work, or for its query to be sent.
bool waits_in_line(const request_info& record, const World& world) {
  if (record.awaits == Share::work) return true;
  if (record.side[kUpstream].link != net::Link::resolving) return false;
  const bool asked = std::count(world.asked.begin(), world.asked.end(), kModestName) > 0;
  return !asked && std::none_of(world.answered.begin(), world.answered.end(), [](const net::Found& found) { return found.host == kModestName; });
}

// Each hash takes its cost of the world's time.
class SlowHasher final : public plan::Hasher {
 public:
  explicit SlowHasher(World& world) : world_(world) {}
  [[nodiscard]] bool knows(const char* /*setting*/) const noexcept override { return true; }
  plan::HashCost cost(const char* /*setting*/) noexcept override { return {true, 1000, 128}; }
  std::string_view hash(const char* password, const char* setting) noexcept override {
    world_.hash(std::string_view{setting}.starts_with("$slow$") ? 40 : 20);
    made_ = "$f$" + std::string{password};
    return made_;
  }

 private:
  World& world_;
  std::string made_;
};

// Two users whose hashes differ in cost, so that a wrong password takes two.
std::shared_ptr<plan::Users> users_with(plan::Hasher& hasher) {
  auto users = std::make_shared<plan::Users>(&hasher, base::SipKey{});
  users->set({{"ann", "$f$" + std::string{kPassword}, 20'000, 128}, {"bob", "$slow$", 40'000, 128}});
  return users;
}

void put_files(World& world, const GreedyScenario& scenario) {
  world.put_file("/www/large.txt", std::string(400'000, 'x'));
  world.put_file("/www/modest.txt", std::string(scenario.body, 'x'));
  for (int i = 0; i < 150; ++i) world.put_node("/www/folder/link" + std::to_string(i), sys::FileStatus::Kind::link, "../modest.txt", 1);
}

// Counts the turns after which the modest client still waits for the proxy.
class Delay {
 public:
  std::string check(const Worker& worker, bool waits) {
    const std::size_t free = worker.blocks.limit() - worker.blocks.used();
    const bool is_short = free <= state::reserved_blocks(worker);
    if (!waits) turns_ = since_ = 0;
    if (!waits) return {};
    if (since_ == 0) since_ = worker.now;
    if (!is_short || worker.now >= since_ + state::kBlockWaitMs) ++turns_;
    return turns_ <= kTurnsMax ? "" : "the modest client waits for more than " + std::to_string(kTurnsMax) + " turns";
  }

 private:
  std::uint64_t since_ = 0, turns_ = 0;
};

net::Found answer_for_modest() {
  net::Found found;
  found.what = net::Found::What::found;
  found.addresses.add(numbered(0, kResponds));
  found.ttl_ms = 1000;
  return found;
}

plan::Config config_for(const GreedyScenario& scenario) {
  plan::Config config;
  config.listeners.emplace_back().address = sys::loopback4(kProxyPort);
  plan::Listener& web = config.listeners.emplace_back();
  web.address = sys::loopback4(kWebPort);
  web.role = plan::Role::web;
  web.sites = {0};
  plan::WebRoute route;
  route.directory = "/www";
  route.gzip = true;
  route.users = plan::kNoUsers;
  config.sites.emplace_back().routes = {route};
  config.max_requests = scenario.slots;
  config.allowance.connections = scenario.connections;
  config.connect_ports = {{80, 80}};
  config.access_log = "off";
  return config;
}

struct Play {
  Play(const GreedyScenario& scenario, World& in) : world(in), modest(in, scenario), origins(in, scenario.body) {
    for (std::size_t i = 0; i < scenario.clients.size(); ++i)
      greedy.push_back(std::make_unique<Greedy>(world, scenario.clients[i], i));
    for (const auto& one : greedy) world.actors.emplace_back([client = one.get()] { return client->act(); });
    world.actors.emplace_back([this] { return modest.act(); });
    world.actors.emplace_back([this] { return origins.act(); });
    world.when_still = [this] {
      if (modest.done()) world.send_signal(sys::Signal::interrupt);
      return modest.done();
    };
  }
  void run(const GreedyScenario& scenario, std::string* recording) {
    const plan::Config config = config_for(scenario);
    server::Capacity capacity = server::capacity_for(config);
    capacity.trace_entries = 4096;
    capacity.blocks = scenario.blocks;
    sys::Fd poller, signals;
    if (!server::open_descriptors(poller, signals).empty()) return;
    server::Generations generations;
    generations.push_back(server::first_generation(config, capacity.slots));
    SlowHasher hasher{world};
    if (scenario.users) generations.back()->users = {users_with(hasher)};
    put_files(world, scenario);
    world.names[std::string{kModestName}] = answer_for_modest();
    world.work_max = World::kWorkMax;
    server::Resources resources{std::move(poller), capacity, *generations.back()};
    server::Server proxy{resources, generations, std::move(signals), {sys::open_stdout().fd, sys::Fd{}}, {}};
    if (!proxy.listen().empty()) return;
    Delay delay;
    const std::uint64_t begun = world.now();
    while (!proxy.stopping() && world.broken.empty()) {
      proxy.turn();
      const request_info* const record = modest_record(resources.worker);
      const bool in_line = record != nullptr && waits_in_line(*record, world);
      const bool waits = in_line || modest.request_waits() || (modest.is_ready() && origins.response_waits());
      if (record == nullptr || record->awaits != Share::hash) hashes_before = world.hashes;
      if (world.hashes > hashes_before + kHashesMax) world.fault("the modest client waits for the passwords of others");
      if (const std::string fault = delay.check(resources.worker, waits); !fault.empty()) world.fault(fault);
      for (const auto& one : greedy) one->over = modest.done();
      if (!modest.done() && world.now() > begun + ms_max(scenario)) world.fault("the modest client waits for a timeout");
    }
    fault_errors(proxy, world);
    if (world.broken.empty() && resources.worker.blocks.used() != 0) world.fault("at the end a block is still in use");
    if (recording != nullptr) *recording = record_file_of(proxy);
  }

  World& world;
  std::vector<std::unique_ptr<Greedy>> greedy;
  Modest modest;
  Origins origins;
  std::size_t hashes_before = 0;  // when the modest client began to wait for its own
};

}  // namespace

GreedyScenario draw_greedy(Chooser& chooser) {
  GreedyScenario scenario;
  scenario.slots = 3 + chooser.choose(14);
  scenario.blocks = 6 + chooser.choose(chooser.choose(2) == 0 ? 4 : 40);
  if (chooser.choose(4) == 0) scenario.connections = 1 + chooser.choose(4);
  for (std::uint32_t i = 1 + chooser.choose(2); i > 0; --i) {
    const std::uint32_t width = 2 + chooser.choose(2 * scenario.slots);
    const std::size_t kind = chooser.choose(kKinds.size());
    scenario.clients.push_back({kind, width, width + chooser.choose(100)});
  }
  scenario.requests = 1 + chooser.choose(4);
  scenario.users = std::any_of(scenario.clients.begin(), scenario.clients.end(),
                               [](const GreedyPlan& client) { return kKinds[client.kind].sends.find("{login}") != std::string_view::npos; });
  scenario.modest = chooser.choose(kModestRequests.size());
  static constexpr std::size_t kBodies[] = {1, 100, 3000, 40'000};
  scenario.body = kBodies[chooser.choose(4)];
  static constexpr std::size_t kRooms[] = {1000, 4096, 65'536};
  scenario.room = kRooms[chooser.choose(3)];
  scenario.linger = chooser.choose(3);
  return scenario;
}

std::string play_greedy(const GreedyScenario& scenario, Chooser& chooser, std::string* recording) {
  World world{chooser, {.short_io = 0, .split = 0, .error = 0, .linger = scenario.linger, .send_room = scenario.room}};
  world.enter();
  {
    Play play{scenario, world};
    play.run(scenario, recording);
  }
  if (world.broken.empty() && world.descriptors() != 0) world.fault("descriptors are left open");
  world.leave();
  return world.broken;
}

std::string describe(const GreedyScenario& scenario) {
  std::string out = "  " + std::to_string(scenario.slots) + " slots, " + std::to_string(scenario.blocks) + " blocks, " +
                    std::to_string(scenario.connections) + " connections for each client, " + std::to_string(scenario.requests) +
                    " modest requests of " + std::to_string(scenario.body) + " bytes, room " + std::to_string(scenario.room) +
                    ", linger " + std::to_string(scenario.linger) + ", request " + std::to_string(scenario.modest) +
                    (scenario.users ? ", with passwords\n" : "\n");
  for (const GreedyPlan& client : scenario.clients)
    out += "  greedy: " + std::string{kKinds[client.kind].name} + ", " + std::to_string(client.width) + " at once, " +
           std::to_string(client.lives) + " in all\n";
  return out;
}

}  // namespace sim

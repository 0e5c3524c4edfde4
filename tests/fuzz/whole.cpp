// Fuzz target: the whole program on the simulated kernel. The input is the bytes of one client and one
// origin, and the kernel's behaviour. All invariants that tests/sim checks after each turn must hold, and all
// bytes sent must be valid HTTP.
#include "../sim/history.hpp"
#include "properties.hpp"

namespace {

using namespace properties;

// The kernel's choices, one byte each; when they are used up, it behaves normally.
class Schedule final : public sim::Chooser {
 public:
  explicit Schedule(string_view bytes) : bytes_(bytes) {}
  std::uint32_t choose(std::uint32_t n) override {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte * n / 256;
  }
  // The minimum, the maximum, or an amount between.
  std::size_t some(std::size_t n) override {
    static constexpr std::size_t kShares[] = {1, 2, 7, 64, 600};
    const std::uint32_t choice = choose(8);
    return choice == 0 || choice > 5 ? n : std::min(n, kShares[choice - 1]);
  }

 private:
  string_view bytes_;
};

// Takes the part of the input up to a byte 0xff 0xfe, or all of it.
string take_piece(string_view& input) {
  const std::size_t end = input.find("\xff\xfe");
  const string piece{input.substr(0, end)};
  input = end == string_view::npos ? string_view{} : input.substr(end + 2);
  return piece;
}

// A complete head in the bytes sent must follow the grammar exactly, and no more bytes may follow than it
// announces.
void check_sent(string_view sent, bool is_response) {
  for (;;) {
    const std::size_t end = sent.find("\r\n\r\n");
    if (end == string_view::npos) return;
    const auto read = reference::read_head(sent.substr(0, end + 4), is_response);
    if (!read) fail("a head was sent that is none: " + escaped(sent.substr(0, end + 4)));
    sent.remove_prefix(end + 4);
    if (is_response && read->status == "100") continue;
    const auto body = reference::body_of(
        *read, is_response ? reference::Body::Kind::until_eof : reference::Body::Kind::none);
    require(body.kind != reference::Body::Kind::refused, "a head was sent whose framing is to be refused");
    if (body.kind == reference::Body::Kind::none)
      require(sent.empty(), "a body was sent that was not announced");
    if (body.kind == reference::Body::Kind::length)
      require(sent.size() <= body.length, "more was sent than was announced");
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  string_view input{reinterpret_cast<const char*>(data), size};
  sim::Scenario scenario;
  static constexpr std::size_t kRooms[] = {1, 64, 600, 65'536};
  scenario.temper = {.short_io = data[0] % 4U,
                     .split = data[0] / 4 % 4U,
                     .error = data[0] >= 192 ? 40U : 0U,
                     .linger = 2,
                     .send_room = kRooms[data[1] % 4]};
  scenario.blocks = data[1] / 4 % 8 == 1 ? 1 : 0;
  scenario.http10 = data[1] % 128 < 64;
  sim::Pair pair;
  pair.client.manner = sim::ClientPlan::Manner::raw;
  pair.origin.manner = sim::OriginPlan::Manner::raw;
  pair.client.cut = data[1] / 128;
  input.remove_prefix(2);
  pair.client.body = take_piece(input);
  pair.origin.body = take_piece(input);
  scenario.pairs.push_back(pair);
  Schedule schedule{input};
  const sim::Outcome outcome = sim::play(scenario, schedule);
  if (!outcome.broken.empty()) fail(outcome.broken + "\n" + outcome.story);
  if (!scenario.http10) return 0;  // HTTP/1.1: more messages may follow on the connection
  check_sent(outcome.seen[0].client, true);
  check_sent(outcome.seen[0].origin, false);
  return 0;
}

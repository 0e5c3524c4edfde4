// Fuzz target: what an upstream (parent) proxy answers to CONNECT or SOCKS5. The first byte of the input
// chooses the step, and whether there is a login; the rest are the parent's bytes.
#include "../../src/net/proxy_handshake.hpp"
#include "properties.hpp"

namespace {

using namespace properties;
using net::HandshakeResult;
using net::HandshakeStep;
using What = HandshakeResult::What;

constexpr HandshakeStep kSteps[] = {HandshakeStep::connect, HandshakeStep::socks_methods,
                                    HandshakeStep::socks_login, HandshakeStep::socks_request};

string describe(const HandshakeResult& result) {
  static const char* const kNames[] = {"more", "next", "done", "failed"};
  return string{kNames[static_cast<int>(result.what)]} + ", " + std::to_string(result.consumed) +
         " bytes, step " + std::to_string(static_cast<int>(result.next)) + ", " +
         string{base::row(result.reason).name} + ", " + std::to_string(result.status);
}

// What each step may lead to.
void check_sense(HandshakeStep step, const net::Login& login, const HandshakeResult& result,
                 std::size_t size) {
  require(result.consumed <= size, "more bytes were used than there are");
  const bool ends = step == HandshakeStep::connect || step == HandshakeStep::socks_request;
  require(result.what != What::done || ends, "a connection is open before the request for it was answered");
  require(result.what != What::next || !ends, "a step follows the last one");
  require(result.what != What::next || result.next > step, "a step leads to itself, or back");
  require(result.what != What::next || result.next != HandshakeStep::socks_login || !login.user.empty(),
          "a login without a user");
  require((result.what == What::failed) == (result.reason != base::Reason::none),
          "a failure without a reason");
}

// SOCKS5 replies by RFC 1928 sections 3 and 6, RFC 1929 section 2: the bytes of one that opens the way, 0 if
// it is refused, incomplete or malformed.
std::size_t read_socks(HandshakeStep step, bool with_login, string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.size() < 2) return 0;
  if (step == HandshakeStep::socks_methods)
    return at(0) == 5 && (at(1) == 0 || (at(1) == 2 && with_login)) ? 2 : 0;
  if (step == HandshakeStep::socks_login) return at(0) == 1 && at(1) == 0 ? 2 : 0;
  if (text.size() < 5 || at(0) != 5 || at(1) != 0 || at(2) != 0) return 0;
  const std::size_t length = at(3) == 1 ? 10U : at(3) == 4 ? 22U : at(3) == 3 ? 7U + at(4) : 0U;
  return length <= text.size() ? length : 0;
}

// The status of the first final response, if its heads follow the grammar: 2xx opens the way.
void check_connect(const HandshakeResult& result, string_view text) {
  if (result.what != What::done) return;
  require(result.status / 100 == 2, "a status other than 2xx opens a tunnel");
  // Lines of a server may end in LF alone (RFC 9112 section 2.2).
  const string_view used = text.substr(0, result.consumed);
  require(used.ends_with("\n\n") || used.ends_with("\n\r\n"), "a tunnel begins within a head");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const HandshakeStep step = kSteps[data[0] % std::size(kSteps)];
  const bool with_login = (data[0] & 0x80U) != 0;
  const net::Login login = with_login ? net::Login{"user", "secret"} : net::Login{};
  const string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  Revealed input{text};
  const HandshakeResult whole = net::parse_reply(step, login, input.show(text.size()));
  check_sense(step, login, whole, text.size());
  require(whole.what != What::more || text.size() < http::HeadLimits{}.bytes,
          "more bytes are wanted than allowed");
  for (std::size_t given = 0; given < text.size(); ++given) {
    const HandshakeResult part = net::parse_reply(step, login, input.show(given));
    if (part.what == What::more) continue;
    require_same(describe(part), describe(whole), "the result depends on how the reply was cut");
    break;
  }
  if (step == HandshakeStep::connect)
    check_connect(whole, text);
  else
    require((whole.what == What::next || whole.what == What::done ? whole.consumed : 0) ==
                read_socks(step, with_login, text),
            "a reply is not what RFC 1928 and RFC 1929 say");
  return 0;
}

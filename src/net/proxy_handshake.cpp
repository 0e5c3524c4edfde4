#include "proxy_handshake.hpp"

#include <array>

#include "../base/text.hpp"
#include "../sys/address.hpp"

namespace net {
namespace {

using base::Reason;
using base::Writer;
using std::string_view;

// RFC 1928 sections 3 to 6, RFC 1929 section 2.
constexpr char kSocks = 5, kLoginVersion = 1;
constexpr char kNoLogin = 0, kWithLogin = 2;
constexpr char kConnect = 1, kReserved = 0;
constexpr char kIpv4 = 1, kName = 3, kIpv6 = 4;

// ---- messages to the parent ------------------------------------------------------------------------------

void put_authority(Writer& out, string_view host, std::uint16_t port) noexcept {
  base::put_host(out, host) << ':' << std::uint64_t{port};
}

void put_connect(Writer& out, const Login& login, string_view host, std::uint16_t port,
                 string_view our_name) noexcept {
  out << "CONNECT ";
  put_authority(out, host, port);
  out << " HTTP/1.1\r\nHost: ";
  put_authority(out, host, port);
  out << "\r\n";
  if (!our_name.empty()) out << "Via: 1.1 " << our_name << "\r\n";
  if (!login.credentials.empty())
    out << "Proxy-Authorization: " << login.credentials << "\r\n";
  else if (!login.user.empty())
    http::put_basic(out << "Proxy-Authorization: Basic ", login.user, login.password) << "\r\n";
  out << "\r\n";
}

void put_methods(Writer& out, const Login& login) noexcept {
  const bool two = !login.user.empty();
  out << kSocks << (two ? '\2' : '\1') << kNoLogin;
  if (two) out << kWithLogin;
}

void put_counted(Writer& out, string_view text) noexcept { out << static_cast<char>(text.size()) << text; }

void put_bytes(Writer& out, std::span<const std::uint8_t> bytes) noexcept {
  for (const std::uint8_t byte : bytes) out << static_cast<char>(byte);
}

// A name is sent as a name, so that the parent resolves it.
void put_request(Writer& out, string_view host, std::uint16_t port) noexcept {
  out << kSocks << kConnect << kReserved;
  sys::Address address;
  if (!sys::parse_ip(host, port, address)) {
    out << kName;
    put_counted(out, host);
  } else {
    out << (address.bits() == 32 ? kIpv4 : kIpv6);
    put_bytes(out, std::span{address.bytes}.first(address.bits() / 8));
  }
  out << static_cast<char>(port >> 8) << static_cast<char>(port & 0xffU);
}

// ---- replies of the parent -------------------------------------------------------------------------------

constexpr HandshakeResult more() noexcept { return {}; }
constexpr HandshakeResult next(HandshakeStep step, std::size_t consumed) noexcept {
  return {.what = HandshakeResult::What::next, .consumed = consumed, .next = step};
}
constexpr HandshakeResult done(std::size_t consumed, std::uint16_t status) noexcept {
  return {.what = HandshakeResult::What::done, .consumed = consumed, .status = status};
}
constexpr HandshakeResult failed(Reason reason, std::uint16_t status = 0) noexcept {
  return {.what = HandshakeResult::What::failed, .reason = reason, .status = status};
}
// The parent did not accept `login`.
constexpr HandshakeResult not_logged_in(const Login& login, std::uint16_t status) noexcept {
  return failed(login.user.empty() ? Reason::parent_auth_required : Reason::parent_auth_failed, status);
}

// A 2xx to CONNECT has no body whatever its fields contain (RFC 9112 section 6.3), and of other replies only
// the status counts.
HandshakeResult parse_connect_reply(const Login& login, string_view received,
                                    const http::HeadLimits& limits) noexcept {
  http::ResponseHead head;
  for (std::size_t start = 0; start < received.size();) {
    const string_view rest = received.substr(start);
    const http::Parsed parsed = http::parse_response(rest, 0, true, head, limits);
    if (parsed.what == http::Parsed::What::partial) break;
    if (parsed.what == http::Parsed::What::bad) return failed(Reason::bad_parent_response);
    start += parsed.length;
    if (head.status == 101) return failed(Reason::bad_parent_response, 101);  // without Upgrade
    if (head.interim()) continue;  // RFC 9110 section 15.2; PLANT(interim-of-parent)
    if (head.status / 100 == 2) return done(start, head.status);
    if (head.status == 407) return not_logged_in(login, head.status);
    return failed(Reason::parent_refused, head.status);
  }
  return received.size() < limits.bytes ? more() : failed(Reason::bad_parent_response);
}

HandshakeResult parse_methods_reply(const Login& login, string_view received) noexcept {
  if (!received.empty() && received[0] != kSocks) return failed(Reason::bad_parent_response);
  if (received.size() < 2) return more();
  if (received[1] == kNoLogin) return next(HandshakeStep::socks_request, 2);
  // PLANT(login-only-if-configured)
  if (received[1] == kWithLogin && !login.user.empty()) return next(HandshakeStep::socks_login, 2);
  return received[1] == '\xff' ? not_logged_in(login, 0) : failed(Reason::bad_parent_response);
}

HandshakeResult parse_login_reply(string_view received) noexcept {
  if (!received.empty() && received[0] != kLoginVersion) return failed(Reason::bad_parent_response);
  if (received.size() < 2) return more();
  const auto status = static_cast<unsigned char>(received[1]);
  return status == 0 ? next(HandshakeStep::socks_request, 2) : failed(Reason::parent_auth_failed, status);
}

// Replies 0 to 8 of RFC 1928 section 6. Others are not assigned, and mean that there is no connection.
constexpr Reason reason_of(unsigned char reply) noexcept {
  constexpr std::array<Reason, 9> kReasons{
      Reason::none,                // succeeded
      Reason::parent_refused,      // general failure
      Reason::parent_refused,      // not allowed by the ruleset
      Reason::host_unreachable,    // the network
      Reason::host_unreachable,    // the host
      Reason::connection_refused,  // by the host
      Reason::connect_timeout,     // TTL expired
      Reason::parent_refused,      // command not supported
      Reason::parent_refused,      // address type not supported
  };
  return reply < kReasons.size() ? kReasons[reply] : Reason::parent_refused;
}

// Skips the address that the parent bound. A refusal counts as soon as its code has arrived: some parents
// do not send the rest of the reply.
HandshakeResult parse_request_reply(string_view received) noexcept {
  if (!received.empty() && received[0] != kSocks) return failed(Reason::bad_parent_response);
  if (received.size() < 2) return more();
  const auto reply = static_cast<unsigned char>(received[1]);
  if (reply != 0) return failed(reason_of(reply), reply);
  if (received.size() > 2 && received[2] != kReserved) return failed(Reason::bad_parent_response);
  if (received.size() < 4) return more();
  std::size_t address = 0;
  switch (received[3]) {
    case kIpv4: address = 4; break;
    case kIpv6: address = 16; break;
    case kName:
      if (received.size() < 5) return more();
      address = 1 + std::size_t{static_cast<unsigned char>(received[4])};
      break;
    default: return failed(Reason::bad_parent_response);
  }
  const std::size_t whole = 4 + address + 2;
  return received.size() < whole ? more() : done(whole, 0);  // PLANT(partial-socks-reply)
}

}  // namespace

std::size_t write_handshake(HandshakeStep step, const Login& login, string_view host, std::uint16_t port,
                            string_view our_name, std::span<std::byte> out) noexcept {
  if (host.empty() || host.size() > http::kHostBytesMax || our_name.size() > kParentNameBytesMax ||
      login.user.size() > kLoginBytesMax || login.password.size() > kLoginBytesMax)
    return 0;
  Writer writer{{reinterpret_cast<char*>(out.data()), out.size()}};
  switch (step) {
    case HandshakeStep::none: break;
    case HandshakeStep::connect: put_connect(writer, login, host, port, our_name); break;
    case HandshakeStep::socks_methods: put_methods(writer, login); break;
    case HandshakeStep::socks_login:
      writer << kLoginVersion;
      put_counted(writer, login.user);
      put_counted(writer, login.password);
      break;
    case HandshakeStep::socks_request: put_request(writer, host, port); break;
  }
  return writer.overflowed() ? 0 : writer.length();
}

HandshakeResult parse_reply(HandshakeStep step, const Login& login, string_view received,
                            const http::HeadLimits& limits) noexcept {
  switch (step) {
    case HandshakeStep::none: break;
    case HandshakeStep::connect: return parse_connect_reply(login, received, limits);
    case HandshakeStep::socks_methods: return parse_methods_reply(login, received);
    case HandshakeStep::socks_login: return parse_login_reply(received);
    case HandshakeStep::socks_request: return parse_request_reply(received);
  }
  return done(0, 0);
}

}  // namespace net

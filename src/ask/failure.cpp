#include "failure.hpp"

#include <cerrno>
#include <cstring>

namespace ask {

std::string failure_of(const ProxyAddress& proxy, const Fetched& fetched) {
  const std::string& where = proxy.name;
  switch (fetched.what) {
    case Fetched::What::unreachable:
      if (fetched.error == ECONNREFUSED)
        return "nothing listens at " + where + ": start the proxy, and give its port";
      return "cannot connect to " + where + ": " + std::strerror(fetched.error);
    case Fetched::What::silent:
      return where + " has sent no response for 5 s: its event loop is blocked, or it is not a proxy";
    case Fetched::What::cut_off:
      return where + " closed the connection without a response: it is not a proxy";
    default: return where + " sent no HTTP response: it is not a proxy";
  }
}

std::string password_advice(const ProxyAddress& proxy) {
  if (!proxy.login.empty()) return "the user name or the password is wrong (--user, PROXY_PASSWORD)";
  return "it needs a password (--users): put it into the environment variable PROXY_PASSWORD, and add --user "
         "NAME";
}

}  // namespace ask

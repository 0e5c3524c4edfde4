// What the proxies in this folder share: the trait in the program's name, the listening socket, a blocking
// connection to the server, and the parts of a request's first line.
#pragma once
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

inline std::string& trait_name() {
  static std::string name;
  return name;
}

// Takes the trait from argv[0]: `lab-TRAIT`, or `lab-TRAIT.NUMBER`.
inline void read_trait(const char* program) {
  const char* const slash = std::strrchr(program, '/');
  const std::string name = slash != nullptr ? slash + 1 : program;
  const std::size_t hyphen = name.find('-'), dot = name.find('.');
  trait_name() = hyphen == std::string::npos ? "" : name.substr(hyphen + 1, dot - hyphen - 1);
}

// Whether this program has the trait.
inline bool has(const char* name) { return trait_name() == name; }

// A blocking socket that listens on the port at 127.0.0.1. Ends the program with status 1 if that fails.
inline int listen_on(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 512) != 0) exit(1);
  return fd;
}

// A connected, blocking socket, or -1.
inline int connect_to(const char* host, const char* port) {
  addrinfo hints{}, *addresses = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host, port, &hints, &addresses) != 0) return -1;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const bool connected = connect(fd, addresses->ai_addr, addresses->ai_addrlen) == 0;
  freeaddrinfo(addresses);
  if (connected) return fd;
  close(fd);
  return -1;
}

// "METHOD http://HOST[:PORT][/PATH] HTTP/1.x", taken apart. `authority` is HOST[:PORT], `url` has no
// "http://".
struct RequestLine {
  std::string method, url, authority, host, port, path;
};

// Takes the first line of a head apart. False if it has another form.
inline bool take_apart(const std::string& head, RequestLine& line) {
  const std::size_t start = head.find(" http://"), end = head.find(" HTTP/1.");
  if (start == std::string::npos || end == std::string::npos || end < start) return false;
  line.method = head.substr(0, start);
  line.url = head.substr(start + 8, end - start - 8);
  const std::size_t slash = std::min(line.url.find('/'), line.url.size());
  line.authority = line.url.substr(0, slash);
  line.path = slash < line.url.size() ? line.url.substr(slash) : "/";
  const std::size_t colon = std::min(line.authority.find(':'), line.authority.size());
  line.host = line.authority.substr(0, colon);
  line.port = colon < line.authority.size() ? line.authority.substr(colon + 1) : "80";
  return !line.host.empty() && !line.port.empty();
}

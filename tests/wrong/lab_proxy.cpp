// A small lab proxy as a student might write it: one thread, edge-triggered epoll, a buffer for each
// direction. As it stands it is correct, and gets full points. Each -DWRONG_... plants one classic mistake,
// by which the driver is proved: the mistake must cost points where it should, and nowhere else.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kBuffered = 64 * 1024;
constexpr int kShare = 8;  // reads of one connection before the next has its turn

#ifdef WRONG_LEVEL_TRIGGERED
constexpr unsigned kInterest = EPOLLIN;
#else
constexpr unsigned kInterest = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
#endif

volatile sig_atomic_t stopped = 0;
int poller = -1;

struct Request {
  int client = -1, server = -1;
  std::string from_client, to_server, to_client;
  bool server_ended = false, over = false;
  addrinfo* addresses = nullptr;
};
using RequestPtr = std::shared_ptr<Request>;
std::map<int, RequestPtr> by_descriptor;

void make_non_blocking(int fd) {
#ifndef WRONG_BLOCKING_SOCKETS
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
#else
  // Reading still gives EAGAIN through MSG_DONTWAIT; but the socket is a blocking one.
  (void)fd;
#endif
}

void watch(int fd) {
  epoll_event event{};
  event.events = kInterest;
  event.data.fd = fd;
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

void finish(Request& request) {
  if (request.over) return;
  request.over = true;
#ifdef WRONG_LEAK
  static char* volatile note = nullptr;
  note = strdup("one request more");  // and the note before it is lost
#endif
  if (request.addresses != nullptr) freeaddrinfo(request.addresses);
  request.addresses = nullptr;
#ifdef WRONG_DESCRIPTOR_LEAK
  const bool forgets = request.server >= 0 && !request.server_ended;
#else
  const bool forgets = false;
#endif
#ifdef KEEPS_SPARE  // no mistake: opened when first needed, and kept for later
  static int spare[2] = {-1, -1};
  if (request.server >= 0 && !request.server_ended && spare[0] < 0 && pipe(spare) != 0) abort();
#endif
  const int client = request.client, server = request.server;
  if (client >= 0) close(client);
  if (server >= 0 && !forgets) close(server);
  by_descriptor.erase(server);
  by_descriptor.erase(client);  // last: it may be the request's last owner
}

// "http://host[:port]/path" out of the first line; false if it is not understood.
bool take_apart(const std::string& head, std::string& host, std::string& port, std::string& out) {
  const std::size_t start = head.find(" http://"), end = head.find(" HTTP/1.");
  if (start == std::string::npos || end == std::string::npos || end < start) return false;
  const std::string url = head.substr(start + 8, end - start - 8);
  const std::size_t slash = std::min(url.find('/'), url.size());
  const std::string authority = url.substr(0, slash);
  const std::size_t colon = std::min(authority.find(':'), authority.size());
  host = authority.substr(0, colon);
  port = colon < authority.size() ? authority.substr(colon + 1) : "80";
  if (host.empty() || port.empty()) return false;
  out = head.substr(0, start) + " " + (slash < url.size() ? url.substr(slash) : "/") + " HTTP/1.0\r\n";
#ifdef WRONG_HOST
  out += "Host: " + host + "\r\n";
#else
  out += "Host: " + authority + "\r\n";
#endif
  std::size_t line = head.find("\r\n") + 2;
  while (head.compare(line, 2, "\r\n") != 0) {
    const std::size_t next = head.find("\r\n", line) + 2;
    const std::string field = head.substr(line, next - line);
    if (strncasecmp(field.c_str(), "Host:", 5) != 0 &&
        strncasecmp(field.c_str(), "Proxy-Connection:", 17) != 0 &&
        strncasecmp(field.c_str(), "Connection:", 11) != 0)
      out += field;
    line = next;
  }
  out += "Connection: close\r\n\r\n";
  return true;
}

bool start_connecting(const RequestPtr& request) {
  const addrinfo* const address = request->addresses;
  if (address == nullptr) return false;
  const int fd = socket(address->ai_family, SOCK_STREAM, 0);
  if (fd < 0) return false;
#ifdef WRONG_BLOCKING_CONNECT
  if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
    close(fd);
    return false;
  }
  make_non_blocking(fd);
#else
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
    close(fd);
    return false;
  }
#ifdef WRONG_BLOCKING_SOCKETS
  fcntl(fd, F_SETFL, 0);
#endif
#endif
  request->server = fd;
  by_descriptor[fd] = request;
  watch(fd);
#ifdef WRONG_LEVEL_TRIGGERED
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.fd = fd;
  epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
#endif
  return true;
}

// False: the connection is gone. `wanted` becomes shorter by what was sent.
bool send_some(int fd, std::string& wanted) {
  while (!wanted.empty()) {
#ifdef WRONG_SIGPIPE
    const ssize_t sent = send(fd, wanted.data(), wanted.size(), MSG_DONTWAIT);
#else
    const ssize_t sent = send(fd, wanted.data(), wanted.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
#endif
    if (sent < 0) return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
#ifdef WRONG_SHORT_WRITE
    wanted.clear();
#else
    wanted.erase(0, static_cast<std::size_t>(sent));
#endif
  }
  return true;
}

enum class Read { later, more, end, error };

// Reads behind `into` until EAGAIN (later), or until it is full or its share is used up (more).
Read read_some(int fd, std::string& into) {
  char buffer[16384];
  for (int turn = 0; turn < kShare && into.size() < kBuffered; ++turn) {
    const ssize_t count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (count == 0) return Read::end;
    if (count < 0) return errno == EAGAIN || errno == EINTR ? Read::later : Read::error;
#ifdef WRONG_STRING_BODY
    into.append(buffer, strnlen(buffer, static_cast<std::size_t>(count)));
#else
    into.append(buffer, static_cast<std::size_t>(count));
#endif
#ifdef WRONG_EDGE_NOT_DRAINED
    return Read::later;
#endif
  }
  return Read::more;
}

void read_request(const RequestPtr& request) {
  if (request->server >= 0 || request->addresses != nullptr) {
    char ignored[4096];  // what comes behind the request
    for (int turn = 0; turn < kShare; ++turn)
      if (recv(request->client, ignored, sizeof ignored, MSG_DONTWAIT) <= 0) return;
    return;
  }
  const Read status = read_some(request->client, request->from_client);
  const std::size_t end = request->from_client.find("\r\n\r\n");
  std::string host, port;
  if (end == std::string::npos) {
    if (status != Read::later) finish(*request);
    return;
  }
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (!take_apart(request->from_client.substr(0, end + 4), host, port, request->to_server) ||
      getaddrinfo(host.c_str(), port.c_str(), &hints, &request->addresses) != 0 || !start_connecting(request))
    finish(*request);
}

// Moves what can be moved. True: there may be more to do at once.
bool advance(const RequestPtr& request) {
  if (request->over) return false;
  read_request(request);
  if (request->over || request->server < 0) return false;
  if (!send_some(request->server, request->to_server)) {
    finish(*request);
    return false;
  }
  Read status = Read::later;
  if (!request->server_ended && request->to_server.empty()) {
    status = read_some(request->server, request->to_client);
    request->server_ended = status == Read::end || status == Read::error;
  }
  if (!send_some(request->client, request->to_client) ||
      (request->server_ended && request->to_client.empty())) {
    finish(*request);
    return false;
  }
  // With the buffer still full the client's next edge comes first; there is room then.
  return status == Read::more && request->to_client.size() < kBuffered;
}

void accept_all(int listener) {
  for (;;) {
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) return;
    make_non_blocking(client);
    auto request = std::make_shared<Request>();
    request->client = client;
    by_descriptor[client] = request;
    watch(client);
#ifdef WRONG_EDGE_NOT_DRAINED
    return;
#endif
  }
}

int listen_on(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 512) != 0)
    return -1;
  fcntl(listener, F_SETFL, O_NONBLOCK);
  return listener;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
#ifndef WRONG_SIGPIPE
  signal(SIGPIPE, SIG_IGN);
#endif
#ifndef WRONG_SHUTDOWN
  struct sigaction action {};
  action.sa_handler = [](int) { stopped = 1; };
  sigaction(SIGINT, &action, nullptr);
#endif
  poller = epoll_create1(0);
  const int listener = listen_on(atoi(argv[1]));
  if (listener < 0) return 1;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.fd = listener;
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
  std::vector<RequestPtr> again;
  while (!stopped) {
    epoll_event events[64];
#ifdef WRONG_SPIN
    const int timeout = 0;
#else
    const int timeout = again.empty() ? -1 : 0;
#endif
    const int count = epoll_wait(poller, events, 64, timeout);
    std::vector<RequestPtr> run;
    run.swap(again);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == listener) {
        accept_all(listener);
        continue;
      }
      const auto found = by_descriptor.find(events[i].data.fd);
      if (found == by_descriptor.end()) continue;
      const RequestPtr request = found->second;
#ifndef WRONG_SIGPIPE
      // A client whose both directions are over has left.
      if (events[i].data.fd == request->client && (events[i].events & (EPOLLHUP | EPOLLERR)) != 0)
        finish(*request);
      else
#endif
        run.push_back(request);
    }
    for (const RequestPtr& request : run)
      if (advance(request)) again.push_back(request);
  }
  while (!by_descriptor.empty()) {
    const RequestPtr request = by_descriptor.begin()->second;
    finish(*request);
  }
  close(listener);
  close(poller);
  return 0;
}

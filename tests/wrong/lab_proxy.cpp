// A small lab proxy as a student might write it: one thread, edge-triggered epoll, a buffer for each
// direction. As it stands it is correct. The program's name selects a trait: `lab-SIGPIPE` does not ignore
// SIGPIPE. Most traits are a classic mistake; tests/driver_test.py says what each of them costs.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common.hpp"

namespace {

constexpr std::size_t kBuffered = 64 * 1024;
constexpr int kShare = 8;  // reads of one connection before the next has its turn

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

unsigned interest() {
  if (has("LEVEL_TRIGGERED")) return EPOLLIN;
  return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
}

void make_non_blocking(int fd) {
  // A blocking socket works too: all calls use MSG_DONTWAIT. But it is not what the lab asks for.
  if (!has("BLOCKING_SOCKETS")) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void watch(int fd, unsigned events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
}

void finish(Request& request) {
  if (request.over) return;
  request.over = true;
  if (has("LEAK")) {
    static char* note = nullptr;
    if (note != nullptr) note[0] = 'l';
    note = strdup("one request more");  // the note before it is lost
  }
  if (request.addresses != nullptr) freeaddrinfo(request.addresses);
  request.addresses = nullptr;
  const bool forgets = has("DESCRIPTOR_LEAK") && request.server >= 0 && !request.server_ended;
  static int spare[2] = {-1, -1};  // KEEPS_SPARE is correct: opened once, kept for later
  if (has("KEEPS_SPARE") && request.server >= 0 && spare[0] < 0 && pipe(spare) != 0) abort();
  const int client = request.client, server = request.server;
  if (client >= 0) close(client);
  if (server >= 0 && !forgets) close(server);
  by_descriptor.erase(server);
  by_descriptor.erase(client);  // last: it may be the request's last owner
}

// The fields for the server: the client's own, or four new ones.
std::string fields_for(const std::string& head, const std::string& host) {
  if (has("FOUR_FIELDS"))
    return "Host: " + host + "\r\nUser-Agent: lab\r\nConnection: close\r\nProxy-Connection: close\r\n\r\n";
  std::string out = "Host: " + host + "\r\n";
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
  return out + (has("KEEP_ALIVE") ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
}

// The request for the server. False if the head cannot be taken apart.
bool make_request(const std::string& head, RequestLine& line, std::string& out) {
  if (!take_apart(head, line)) return false;
  std::string path = has("WHOLE_URL") ? "http://" + line.url : line.path;
  if (has("LOWER_CASE")) std::transform(path.begin(), path.end(), path.begin(), tolower);
  if (has("NO_QUERY")) path.resize(std::min(path.find('?'), path.size()));
  out = line.method + " " + path +
        (has("KEEP_ALIVE")   ? " HTTP/1.1\r\n"
         : has("NO_VERSION") ? "\r\n"
                             : " HTTP/1.0\r\n");
  out += fields_for(head, has("HOST") ? line.host : has("CONTROLS") ? "\x1b[31m" : line.authority);
  return true;
}

bool start_connecting(const RequestPtr& request) {
  const addrinfo* const address = request->addresses;
  if (address == nullptr) return false;
  const int fd = socket(address->ai_family, SOCK_STREAM, 0);
  if (fd < 0) return false;
  const bool blocking = has("BLOCKING_CONNECT");
  if (!blocking) fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && (blocking || errno != EINPROGRESS)) {
    close(fd);
    return false;
  }
  if (has("BLOCKING_SOCKETS")) fcntl(fd, F_SETFL, 0);
  make_non_blocking(fd);
  request->server = fd;
  by_descriptor[fd] = request;
  watch(fd, has("LEVEL_TRIGGERED") ? EPOLLIN | EPOLLOUT : interest());
  return true;
}

// False: the connection is gone. `wanted` becomes shorter by what was sent.
bool send_some(int fd, std::string& wanted) {
  while (!wanted.empty()) {
    const int flags = has("SIGPIPE") ? MSG_DONTWAIT : MSG_DONTWAIT | MSG_NOSIGNAL;
    const ssize_t sent = send(fd, wanted.data(), wanted.size(), flags);
    if (sent < 0) return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
    wanted.erase(0, has("SHORT_WRITE") ? wanted.size() : static_cast<std::size_t>(sent));
  }
  return true;
}

enum class Read { later, more, end, error };

// Appends to `into` until EAGAIN (later), or until it is full or its share is used up (more).
Read read_some(int fd, std::string& into) {
  char buffer[16384];
  for (int turn = 0; turn < kShare && (into.size() < kBuffered || has("WHOLE_FIRST")); ++turn) {
    const ssize_t count = recv(fd, buffer, has("READS_ONCE") ? 4096 : sizeof buffer, MSG_DONTWAIT);
    if (count == 0) return Read::end;
    if (count < 0 && errno == ECONNRESET && has("ENDS_ON_ECONNRESET")) {
      perror("recv");
      exit(1);
    }
    if (count < 0) return errno == EAGAIN || errno == EINTR ? Read::later : Read::error;
    const std::size_t size = static_cast<std::size_t>(count);
    into.append(buffer, has("STRING_BODY") ? strnlen(buffer, size) : size);
    if (has("READS_ONCE")) return Read::later;
  }
  return Read::more;
}

void read_request(const RequestPtr& request) {
  if (request->server >= 0 || request->addresses != nullptr) {
    char ignored[4096];  // what follows the request
    for (int turn = 0; turn < kShare; ++turn)
      if (recv(request->client, ignored, sizeof ignored, MSG_DONTWAIT) <= 0) return;
    return;
  }
  const Read status = read_some(request->client, request->from_client);
  const std::size_t end = request->from_client.find("\r\n\r\n");
  if (has("FIRST_READ") && !request->from_client.empty() && end == std::string::npos) return finish(*request);
  if (end == std::string::npos) {
    if (status != Read::later) finish(*request);
    return;
  }
  RequestLine line;
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (!make_request(request->from_client.substr(0, end + 4), line, request->to_server) ||
      getaddrinfo(line.host.c_str(), line.port.c_str(), &hints, &request->addresses) != 0 ||
      !start_connecting(request))
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
  if (has("WHOLE_FIRST") && !request->server_ended) return status == Read::more;
  if (has("STAYS_OPEN") && request->server_ended && request->to_client.empty()) return false;
  if (!send_some(request->client, request->to_client) ||
      (request->server_ended && request->to_client.empty())) {
    if (!has("STAYS_OPEN") || !request->server_ended) finish(*request);
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
    watch(client, interest());
    if (has("ACCEPTS_ONCE")) return;
  }
}

// One turn of the loop. Returns the requests that can go on at once.
std::vector<RequestPtr> turn(int listener, std::vector<RequestPtr> run) {
  if (has("SLEEPS")) sleep(9);
  if (has("ACCEPTS_ONCE") || has("READS_ONCE")) usleep(20000);  // so that several things happen in one edge
  epoll_event events[64];
  const int count = epoll_wait(poller, events, 64, has("BUSY") || !run.empty() ? 0 : -1);
  if (count < 0 && errno == EINTR && !stopped && has("ENDS_ON_EINTR")) {
    perror("epoll_wait");
    exit(1);
  }
  for (int i = 0; i < count; ++i) {
    if (events[i].data.fd == listener) {
      accept_all(listener);
      continue;
    }
    const auto found = by_descriptor.find(events[i].data.fd);
    if (found == by_descriptor.end()) continue;
    const RequestPtr request = found->second;
    // A client whose both directions are over has left.
    const bool left = events[i].data.fd == request->client && (events[i].events & (EPOLLHUP | EPOLLERR)) != 0;
    if (left && !has("SIGPIPE") && !has("ENDS_ON_ECONNRESET"))
      finish(*request);
    else
      run.push_back(request);
  }
  std::vector<RequestPtr> again;
  for (const RequestPtr& request : run)
    if (advance(request)) again.push_back(request);
  return again;
}

void catch_signals() {
  if (!has("SIGPIPE")) signal(SIGPIPE, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = [](int) { stopped = 1; };
  if (!has("NO_SIGINT")) sigaction(SIGINT, &action, nullptr);
  if (has("IGNORES_SIGINT")) {
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
  }
}

// Tries what a submission must not be able to do, and says on stderr what worked.
int try_to_escape() {
  for (const char* const path : {"/tmp/escaped", "/var/tmp/escaped", "/etc/escaped", "/root/escaped"})
    if (open(path, O_WRONLY | O_CREAT, 0644) >= 0) fprintf(stderr, "could write %s\n", path);
  for (int fd = 3; fd < 1024; ++fd)
    if (fcntl(fd, F_GETFD) >= 0) fprintf(stderr, "has descriptor %d\n", fd);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(53);
  address.sin_addr.s_addr = htonl(0xC0000201);  // 192.0.2.1, a documentation address
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (errno != ENETUNREACH) perror("has a network");
  for (const int code : {SIGTERM, SIGHUP, SIGINT, SIGKILL}) kill(getppid(), code);
  if (getuid() == 0 && setuid(12345) == 0) fprintf(stderr, "has capabilities\n");
  if (unshare(CLONE_NEWUSER) == 0) fprintf(stderr, "has a namespace of its own\n");
  if (memfd_create("m", 0) >= 0 || shmget(IPC_PRIVATE, 4096, 0600) >= 0)
    fprintf(stderr, "has other memory\n");
  fprintf(stderr, "that was all\n");
  return 3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  read_trait(argv[0]);
  if (has("ESCAPES")) return try_to_escape();
  catch_signals();
  if (has("SETSID_CHILD") && fork() == 0) {
    setsid();
    for (;;) pause();
  }
  if (has("EATS_MEMORY"))
    for (;;) memset(malloc(1 << 24), 1, 1 << 24);
  if (has("FORKS"))
    for (;;) fork();
  if (has("NEVER_LISTENS"))
    for (;;) pause();
  poller = epoll_create1(0);
  const int listener = listen_on(atoi(argv[1]));
  fcntl(listener, F_SETFL, O_NONBLOCK);
  if (has("MUTE"))
    for (;;) pause();
  watch(listener, EPOLLIN | EPOLLET);
  std::vector<RequestPtr> again;
  while (!stopped) again = turn(listener, again);
  while (!by_descriptor.empty()) {
    const RequestPtr request = by_descriptor.begin()->second;
    finish(*request);
  }
  close(listener);
  close(poller);
  return 0;
}

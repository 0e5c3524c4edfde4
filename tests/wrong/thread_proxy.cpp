// A thread for each client, with blocking sockets: right for the lab about threads, wrong for the one about
// epoll.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

bool send_all(int fd, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

int connect_to(const std::string& host, const std::string& port) {
  addrinfo hints{}, *addresses = nullptr;
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &addresses) != 0) return -1;
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const bool connected = connect(fd, addresses->ai_addr, addresses->ai_addrlen) == 0;
  freeaddrinfo(addresses);
  if (connected) return fd;
  close(fd);
  return -1;
}

void serve(int client) {
  std::string head;
  char buffer[16384];
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = recv(client, buffer, sizeof buffer, 0);
    if (count <= 0) return;
    head.append(buffer, static_cast<std::size_t>(count));
  }
  const std::size_t start = head.find(" http://"), end = head.find(" HTTP/1.");
  if (start == std::string::npos || end == std::string::npos || end < start) return;
  const std::string url = head.substr(start + 8, end - start - 8);
  const std::size_t slash = std::min(url.find('/'), url.size());
  const std::string authority = url.substr(0, slash);
  const std::size_t colon = std::min(authority.find(':'), authority.size());
  const int server =
      connect_to(authority.substr(0, colon), colon < authority.size() ? authority.substr(colon + 1) : "80");
  if (server < 0) return;
  std::string out =
      head.substr(0, start) + " " + (slash < url.size() ? url.substr(slash) : "/") + " HTTP/1.0\r\n";
  const std::size_t fields = head.find("\r\n") + 2;
  out += head.substr(fields, head.find("\r\n\r\n") + 4 - fields);
  ssize_t count = send_all(server, out) ? 1 : 0;
  while (count > 0 && (count = recv(server, buffer, sizeof buffer, 0)) > 0)
    if (!send_all(client, std::string(buffer, static_cast<std::size_t>(count)))) break;
  close(server);
}

void* thread_main(void* argument) {
  const int client = static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
  serve(client);
  close(client);
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  signal(SIGPIPE, SIG_IGN);
  const int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 512) != 0)
    return 1;
  for (;;) {
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    pthread_t thread;
    if (pthread_create(&thread, nullptr, thread_main,
                       reinterpret_cast<void*>(static_cast<std::intptr_t>(client))) == 0)
      pthread_detach(thread);
  }
}

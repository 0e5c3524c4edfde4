// A lab proxy with blocking sockets: a thread for each client. As it stands it is right for the mode
// multithread. The program's name selects a trait: POOL (eight threads), FORK (a process for each client),
// SEQUENTIAL.
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "trait.hpp"

namespace {

int listener;

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
  const std::string out = head.substr(0, start) + " " + (slash < url.size() ? url.substr(slash) : "/") +
                          " HTTP/1.0\r\nHost: " + authority +
                          "\r\nUser-Agent: lab\r\nConnection: close\r\nProxy-Connection: close\r\n\r\n";
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

void* worker_main(void*) {
  for (;;) {
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    serve(client);
    close(client);
  }
}

void start_thread(void* (*function)(void*), void* argument) {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, function, argument) == 0) pthread_detach(thread);
}

void fork_for(int client) {
  if (fork() == 0) {
    close(listener);
    serve(client);
    close(client);
    _exit(0);
  }
  close(client);
  while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
}

int listen_on(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 512) != 0) exit(1);
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  read_trait(argv[0]);
  signal(SIGPIPE, SIG_IGN);
  listener = listen_on(atoi(argv[1]));
  if (has("POOL"))
    for (int i = 0; i < 7; ++i) start_thread(worker_main, nullptr);
  if (has("POOL") || has("SEQUENTIAL")) worker_main(nullptr);
  for (;;) {
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    if (has("FORK"))
      fork_for(client);
    else
      start_thread(thread_main, reinterpret_cast<void*>(static_cast<std::intptr_t>(client)));
  }
}

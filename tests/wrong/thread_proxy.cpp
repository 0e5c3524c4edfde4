// A lab proxy with blocking sockets: a thread for each client. As it stands it is right for the mode
// multithread. The program's name selects a trait: POOL (eight threads), FORK (a process for each client),
// SEQUENTIAL.
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "common.hpp"

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

void serve(int client) {
  std::string head;
  char buffer[16384];
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = recv(client, buffer, sizeof buffer, 0);
    if (count <= 0) return;
    head.append(buffer, static_cast<std::size_t>(count));
  }
  RequestLine line;
  if (!take_apart(head, line)) return;
  const int server = connect_to(line.host.c_str(), line.port.c_str());
  if (server < 0) return;
  const std::string out = line.method + " " + line.path + " HTTP/1.0\r\nHost: " + line.authority +
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

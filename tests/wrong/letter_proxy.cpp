// A lab proxy written letter by letter from the lab's text and the handout: an array of records, requests of
// 1,024 and responses of 16,384 bytes, four new fields, a blocking connect(), the whole response before any
// of it is sent. As it stands it is correct. The program's name selects a trait, as in lab_proxy.cpp.
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "common.hpp"

namespace {

enum State { kFree, kReadRequest, kSendRequest, kReadResponse, kSendResponse };

struct Record {
  State state;
  int client, server;
  std::size_t have, sent;
  char request[1024 + 1], out[2048], response[16384 + 1];
};

constexpr int kRecords = 1024;
Record records[kRecords];
int poller, listener;
volatile sig_atomic_t stopped;

void watch(int fd, Record* record, unsigned events) {
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.ptr = record;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
}

void cancel(Record* record) {
  if (record->client >= 0) close(record->client);
  if (record->server >= 0) close(record->server);
  record->client = record->server = -1;
  record->state = kFree;
}

Record* new_record() {
  for (Record& record : records)
    if (record.state == kFree) return &record;
  return nullptr;
}

void prepare(Record* record, int client) {
  if (!has("STALE")) memset(record, 0, sizeof *record);  // STALE: the text of the last request stays
  record->state = kReadRequest;
  record->client = client;
  record->server = -1;
  record->have = record->sent = 0;
}

void accept_all() {
  Record* record = nullptr;
  for (;;) {
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) return;
    fcntl(client, F_SETFL, O_NONBLOCK);
    if (record == nullptr || !has("SHARED")) record = new_record();  // SHARED: one for all of this loop
    if (record == nullptr) {
      close(client);
      return;
    }
    prepare(record, client);
    watch(client, record, EPOLLIN);
  }
}

void send_on(Record* record) {
  char method[16] = "", url[1024] = "", host[256] = "", port[8] = "80", path[1024] = "/";
  sscanf(record->request, "%15s %1023s", method, url);
  if (sscanf(url, "http://%255[^:/]:%7[0-9]%1023s", host, port, path) < 2) {
    strcpy(port, "80");
    sscanf(url, "http://%255[^/]%1023s", host, path);
  }
  const bool standard = strcmp(port, "80") == 0;
  snprintf(record->out, sizeof record->out,
           "%s %s HTTP/1.0\r\nHost: %s%s%s\r\nUser-Agent: lab\r\nConnection: close\r\nProxy-Connection: "
           "close\r\n\r\n",
           method, path, host, standard ? "" : ":", standard ? "" : port);
  if (has("PARSES_EMPTY") && method[0] == '\0')
    record->out[strlen(strchr(method, ' '))] = '\0';  // strchr() gave NULL
  record->server = connect_to(host, port);
  if (record->server < 0) return cancel(record);
  fcntl(record->server, F_SETFL, O_NONBLOCK);
  epoll_ctl(poller, EPOLL_CTL_DEL, record->client, nullptr);
  watch(record->server, record, EPOLLOUT);
  record->state = kSendRequest;
  record->sent = 0;
}

void fail(Record* record, const char* call) {
  perror(call);
  cancel(record);
}

void read_request(Record* record) {
  while (strstr(record->request, "\r\n\r\n") == nullptr) {
    const ssize_t count = read(record->client, record->request + record->have, 1024 - record->have);
    if (count == 0 && has("SPINS_ON_END")) continue;
    if (count == 0 && record->have == 0 && has("PARSES_EMPTY")) break;
    if (count == 0) return cancel(record);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count < 0) return fail(record, "read");
    record->have += static_cast<std::size_t>(count);
    record->request[record->have] = '\0';
  }
  send_on(record);
}

void send_request(Record* record) {
  const std::size_t size = strlen(record->out);
  while (record->sent < size) {
    const ssize_t count = write(record->server, record->out + record->sent, size - record->sent);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count < 0) return fail(record, "write");
    record->sent += static_cast<std::size_t>(count);
  }
  record->state = kReadResponse;
  record->have = 0;
  watch(record->server, record, EPOLLIN);
}

void read_response(Record* record) {
  const std::size_t room = has("BUFFER_4K") ? 4096 : 16384;
  for (;;) {
    const ssize_t count = read(record->server, record->response + record->have, room - record->have);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count < 0) return fail(record, "read");
    if (count == 0) break;
    record->have += static_cast<std::size_t>(count);
  }
  close(record->server);
  record->server = -1;
  record->response[record->have] = '\0';
  const char* const body = strstr(record->response, "\r\n\r\n");
  if (has("OWN_HEAD") && body != nullptr) {
    const char own[] = "HTTP/1.0 200 OK\r\n";
    record->have -= static_cast<std::size_t>(body + 2 - record->response);
    memmove(record->response + sizeof own - 1, body + 2, record->have);
    memcpy(record->response, own, sizeof own - 1);
    record->have += sizeof own - 1;
  }
  if (has("TOO_MANY")) ++record->have;
  record->state = kSendResponse;
  record->sent = 0;
  watch(record->client, record, EPOLLOUT);
}

void send_response(Record* record) {
  while (record->sent < record->have) {
    if (has("DRIPS")) usleep(500000);
    const std::size_t most = has("DRIPS") ? 1 : record->have;
    const ssize_t count =
        write(record->client, record->response + record->sent, std::min(most, record->have - record->sent));
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (count < 0) return fail(record, "write");
    record->sent += static_cast<std::size_t>(count);
  }
  cancel(record);
}

void handle(Record* record) {
  if (record->state == kReadRequest) return read_request(record);
  if (record->state == kSendRequest) return send_request(record);
  if (record->state == kReadResponse) return read_response(record);
  if (record->state == kSendResponse) return send_response(record);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  read_trait(argv[0]);
  signal(SIGPIPE, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = [](int) { stopped = 1; };
  sigaction(SIGINT, &action, nullptr);
  for (Record& record : records) record.client = record.server = -1;
  poller = epoll_create1(0);
  listener = listen_on(atoi(argv[1]));
  fcntl(listener, F_SETFL, O_NONBLOCK);
  watch(listener, nullptr, EPOLLIN);
  while (!stopped) {
    if (has("SHARED")) usleep(20000);  // so that clients come together
    epoll_event events[64];
    const int count = epoll_wait(poller, events, 64, 1000);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == nullptr)
        accept_all();
      else
        handle(static_cast<Record*>(events[i].data.ptr));
    }
  }
  for (Record& record : records) cancel(&record);
  close(listener);
  close(poller);
  return 0;
}

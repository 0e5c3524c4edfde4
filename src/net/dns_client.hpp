// A DNS client (stub resolver): looks names up in hosts(5), else asks the name servers of resolv.conf(5).
// Never blocks; no search list, no aliases of the environment: the name that is asked for is the name that is
// resolved.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "dns_query.hpp"
#include "hosts_file.hpp"

namespace net {

// Where the system's configuration is.
struct DnsFiles {
  std::string hosts = "/etc/hosts";
  std::string resolv_conf = "/etc/resolv.conf";
};

// Looks up any number of names at the same time. Times are monotonic, in ms.
class DnsClient {
 public:
  static constexpr std::uint64_t kRefreshMs = 1000;  // how often changes of the two files are looked for
  // How long a server that answered in place of another is asked first.
  static constexpr std::uint64_t kPreferMs = 30'000;

  // Watches its sockets with `poller`, which outlives the client. Reads no file yet (`refresh`).
  explicit DnsClient(const sys::Fd& poller, DnsFiles files = {});

  // Asks these servers from now on; empty: those of resolv.conf.
  void use(std::vector<sys::Address> servers);
  // Reads the files if they have changed, at most once in kRefreshMs. Queries in progress start again with
  // new name servers. Returns true if earlier results may be wrong now.
  bool refresh(std::uint64_t now);

  // Starts to look up `host`, in lower case, without a final dot. REQUIRES: it is not being looked up.
  void ask(const std::string& host, std::uint64_t now);
  // Ends that lookup without a result; does nothing if there is none.
  void cancel(const std::string& host) noexcept;
  // Does what is due, in bounded time: reads a piece of the hosts file, and responses; asks again. Once a
  // turn.
  void run(std::uint64_t now);
  // Takes the next result. Returns false if there is none.
  bool next(Found& out);

  // An event of a socket.
  void mark(const Token& token) noexcept;
  // When `run` or `next` has work without an event, ms; 0: at once; the largest number: never.
  [[nodiscard]] std::uint64_t deadline() const noexcept;
  // The number of open descriptors: sockets, and the hosts file while it is read.
  [[nodiscard]] std::size_t descriptors() const noexcept;

 private:
  [[nodiscard]] bool find_in_hosts(const std::string& host);
  void start(const std::string& host, std::uint64_t now);
  void finish(std::size_t index, std::uint64_t now);
  void prefer(const sys::Address& server, std::uint64_t now);
  bool set_servers(std::vector<sys::Address> servers, std::uint64_t now);

  const sys::Fd& poller_;
  DnsFiles files_;
  HostsFile hosts_;
  std::vector<sys::Address> configured_servers_;  // empty: those of resolv.conf
  NameServers servers_;                           // in the order of the file
  NameServers preferred_;                         // rotated: the one that has answered lately is first
  std::uint64_t preferred_until_ = 0;
  std::uint64_t refreshed_at_ = 0;
  bool refreshed_ = false;
  std::uint32_t serial_ = 0;
  std::deque<std::string> waiting_;  // while the hosts file is being read
  std::vector<std::unique_ptr<DnsQuery>> queries_;
  std::deque<Found> done_;
};

}  // namespace net

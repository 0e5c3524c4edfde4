// Connections to listeners with other roles: TCP proxy, echo, line reverser, file, web server with upstream
// servers. What each client must receive is written from the README and the RFCs.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../../src/plan/config.hpp"
#include "proxy_header.hpp"
#include "kernel.hpp"
#include "reload.hpp"

namespace sim {

// One connection of a client to one of the listeners.
struct CallPlan {
  enum class To : std::uint8_t { relay, echo, lines, file, web };
  enum class Manner : std::uint8_t {
    plain,   // sends, reads to the end
    shut,    // sends, closes its sending side, reads to the end; so does `plain` without HTTP
    stop,    // reads `cut` bytes, then nothing for a while, then the rest
    vanish,  // closes after `cut` bytes sent
    reset,   // resets after `cut` bytes sent
    leave,   // reads `cut` bytes and closes
    stall,   // sends `cut` bytes and then nothing more
  };
  // One request to the web server.
  struct Ask {
    enum class What : std::uint8_t { small, large, nothing, head, behind, post };
    What what = What::small;
    std::size_t size = 0;  // of the response body of an upstream server, or of the POST
  };
  To to = To::relay;
  Manner manner = Manner::plain;
  std::string said;    // without HTTP
  bool waits = false;  // TCP proxy: the server ends first, after all bytes; the client sends their number
  std::vector<Ask> asks;
  std::size_t cut = 0;
  std::uint64_t pause_ms = 0;
  ProxyHeaderKind header = ProxyHeaderKind::none;  // sent first if the listener requires one
};

// An upstream server.
struct MemberPlan {
  enum class Manner : std::uint8_t {
    answers,
    refuses,   // connection refused
    swallows,  // does not complete the TCP handshake
    dies,      // resets after `cut` bytes sent
    silent,    // reads everything and sends nothing
  };
  Manner manner = Manner::answers;
  std::size_t cut = 0;
  std::uint32_t serves = 0;  // requests on a connection, then it closes; 0: any number
};

struct RolesPlan {
  std::vector<CallPlan> calls;  // empty: no such listeners
  std::array<MemberPlan, 2> members;
  std::size_t large = 0;  // bytes of the large file
  std::uint8_t balance = 0;
  std::array<bool, 4> proxy_headers{};  // listeners without HTTP, in the order of To: they require a PROXY header
  std::uint8_t header_version = 0;       // TCP proxy: version of the header it sends; 0: none
  bool of_one = false;               // the headers have one address for all clients
};

class Caller;  // a client
class Member;  // an upstream server

// All actors.
class Roles {
 public:
  // `others`: a reload may add a server.
  Roles(World& world, const RolesPlan& plan, bool others);
  ~Roles();
  Roles(const Roles&) = delete;
  Roles& operator=(const Roles&) = delete;
  [[nodiscard]] bool over() const;
  [[nodiscard]] std::uint64_t next_time() const;  // when a waiting actor acts; 0: none waits
  // Checks what they have received. Returns the error; empty: none. `kind`: no resource was short, nothing failed.
  [[nodiscard]] std::string judge(bool kind, const Editions& editions) const;
  // Bytes read from its clients before the client is known.
  [[nodiscard]] std::size_t uncounted() const;

 private:
  [[nodiscard]] std::string judge_servers() const;
  const RolesPlan& plan_;
  std::vector<std::unique_ptr<Caller>> calls_;
  std::vector<std::unique_ptr<Member>> members_;
};

void add_roles(plan::Config& config, const RolesPlan& plan);
// The same for a file; `others`: with another upstream server.
std::vector<std::string> role_servers(const RolesPlan& plan, bool others);
RolesPlan draw_roles(Chooser& chooser);
void draw_proxy_headers(Chooser& chooser, RolesPlan& plan);
void limit_roles(RolesPlan& plan, std::size_t most);  // of any body
std::string describe(const RolesPlan& plan);
void shrink_roles(const std::function<void(const std::function<void(RolesPlan&)>&)>& attempt, const RolesPlan& best);

}  // namespace sim

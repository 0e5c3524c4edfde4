// Connections to listeners that are no proxies: relayed, sent back, reversed, a file, a web server with servers
// behind it. What each client must see is written from the README and the RFCs.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../../src/plan/config.hpp"
#include "introduction.hpp"
#include "kernel.hpp"
#include "reload.hpp"

namespace sim {

// One connection of a client to one of the listeners.
struct CallPlan {
  enum class To : std::uint8_t { relay, echo, lines, file, web };
  enum class Manner : std::uint8_t {
    plain,   // sends, reads to the end
    shut,    // sends, closes its sending side, reads to the end; without HTTP `plain` does so too
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
    std::size_t size = 0;  // of the body, of the answer of a server behind it; or of the post
  };
  To to = To::relay;
  Manner manner = Manner::plain;
  std::string said;    // without HTTP
  bool waits = false;  // relay: the server ends first, when it has had all; the client says how much that is
  std::vector<Ask> asks;
  std::size_t cut = 0;
  std::uint64_t pause_ms = 0;
  Introduction header = Introduction::none;  // in front, where the listener wants one
};

// A server behind the program.
struct MemberPlan {
  enum class Manner : std::uint8_t {
    answers,
    refuses,   // nobody listens
    swallows,  // does not answer the handshake
    dies,      // resets after `cut` bytes of what it says
    silent,    // takes everything and says nothing
  };
  Manner manner = Manner::answers;
  std::size_t cut = 0;
  std::uint32_t serves = 0;  // requests on a connection, then it closes; 0: any number
};

struct RolesPlan {
  std::vector<CallPlan> calls;  // none: the listeners are not there
  std::array<MemberPlan, 2> members;
  std::size_t large = 0;  // bytes of the large file
  std::uint8_t balance = 0;
  std::array<bool, 4> introduced{};  // listeners without HTTP, in the order of To: they want a PROXY header
  std::uint8_t introduces = 0;       // relay: version of the one that it sends; 0: none
  bool of_one = false;               // the headers name one address for all clients
};

class Caller;  // a client
class Member;  // a server behind the program

// Everybody who takes part.
class Roles {
 public:
  // `others`: another configuration may come, with a server of its own.
  Roles(World& world, const RolesPlan& plan, bool others);
  ~Roles();
  Roles(const Roles&) = delete;
  Roles& operator=(const Roles&) = delete;
  [[nodiscard]] bool over() const;
  [[nodiscard]] std::uint64_t next_time() const;  // of an actor who waits; 0: none does
  // What is wrong with what they have seen; empty: nothing. `kind`: nothing was short, nothing failed by itself.
  [[nodiscard]] std::string judge(bool kind, const Editions& editions) const;
  // Read of its clients before it is known whose it is.
  [[nodiscard]] std::size_t uncounted() const;

 private:
  [[nodiscard]] std::string judge_servers() const;
  const RolesPlan& plan_;
  std::vector<std::unique_ptr<Caller>> calls_;
  std::vector<std::unique_ptr<Member>> members_;
};

void add_roles(plan::Config& config, const RolesPlan& plan);
// The same for a file; `others`: with another server behind.
std::vector<std::string> role_servers(const RolesPlan& plan, bool others);
RolesPlan draw_roles(Chooser& chooser);
void draw_introductions(Chooser& chooser, RolesPlan& plan);
void limit_roles(RolesPlan& plan, std::size_t most);  // of any body
std::string describe(const RolesPlan& plan);
void shrink_roles(const std::function<void(const std::function<void(RolesPlan&)>&)>& attempt, const RolesPlan& best);

}  // namespace sim

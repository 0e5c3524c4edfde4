// The requests of viewers, and what docs/board.md promises for each.
#pragma once
#include <array>
#include <string_view>

#include "viewers.hpp"

namespace sim::views {

enum class Body : std::uint8_t { none, text, json, cells, steps, turns, requests, recording };

// Whose request it is: of a page of the board; of a method that the board does not have; of something that the board
// refuses or that is not for it, which is logged and counted as any other request.
enum class Sort : std::uint8_t { board, method, other };

struct Row {
  std::string_view name;
  std::string_view target;  // "{next}": the number that the last answer of this page has named
  int status = 200;
  Body body = Body::text;
  Sort sort = Sort::board;
  std::string_view fields = "";
  std::string_view method = "GET";
  std::string_view host = "";  // "": the board's
  int own_status = 0;          // at a listener of the board; 0: the same
  bool is_long = false;        // of more than 4 KiB
};

constexpr std::array kRows{
    Row{"cells", "/console/cells?since=0", 200, Body::cells},
    Row{"more cells", "/console/cells?since={next}", 200, Body::cells},
    Row{"hello", "/console/hello.json", 200, Body::json},
    Row{"slot", "/console/slot/0", 200, Body::json},
    Row{"turns to come", "/console/turns?since=18446744073709551615", 200, Body::turns},
    Row{"no slot", "/console/slot/99999", 404},
    Row{"no number", "/console/slot/x", 404},
    Row{"no page", "/console/nothing", 404},
    Row{"no file", "/console/app/nothing.js", 404},
    Row{"garbage query", "/console/cells?since=x&since=1", 400},
    Row{"garbage query of steps", "/console/steps?slot=1&slot=2", 400},
    Row{"front", "/", 200},
    Row{"health", "/healthz", 200},
    Row{"pac", "/proxy.pac", 200},
    Row{"head", "/console/hello.json", 200, Body::none, Sort::board, "", "HEAD"},
    Row{"absolute", "http://localhost:{port}/console/cells", 200, Body::cells},
    Row{"post", "/console/cells", 405, Body::text, Sort::method, "Content-Length: 0\r\n", "POST"},
    Row{"another host", "/console/cells", 421, Body::text, Sort::other, "", "GET", "evil.test"},
    Row{"another port", "/console/cells", 421, Body::text, Sort::other, "", "GET", "localhost:1"},
    Row{"another site", "/console/cells", 403, Body::text, Sort::other, "Sec-Fetch-Site: cross-site\r\n"},
    Row{"another origin", "/console/record", 403, Body::text, Sort::other, "Origin: http://evil.test\r\n"},
    Row{"no origin", "/metrics", 403, Body::text, Sort::other, "Origin: null\r\n"},
    Row{"passed on", "/console/cells", 400, Body::text, Sort::other, "Via: 1.1 other\r\n", "GET", "", 403},
    Row{"another server", "http://10.9.0.9/viewed", 502, Body::text, Sort::other, "", "GET", "10.9.0.9", 421},
    // Long ones.
    Row{"names", "/console/names.json", 200, Body::json, Sort::board, "", "GET", "", 0, true},
    Row{"file", "/console/app/decode.js", 200, Body::text, Sort::board, "", "GET", "", 0, true},
    Row{"steps", "/console/steps?since=0", 200, Body::steps, Sort::board, "", "GET", "", 0, true},
    Row{"more steps", "/console/steps?since={next}", 200, Body::steps, Sort::board, "", "GET", "", 0, true},
    Row{"steps of a slot", "/console/steps?since=0&slot=0", 200, Body::steps, Sort::board, "", "GET", "", 0, true},
    Row{"turns", "/console/turns?since=0", 200, Body::turns, Sort::board, "", "GET", "", 0, true},
    Row{"requests", "/console/requests", 200, Body::requests, Sort::board, "", "GET", "", 0, true},
    Row{"record", "/console/record", 200, Body::recording, Sort::board, "", "GET", "", 0, true},
    Row{"metrics", "/metrics", 200, Body::json, Sort::board, "Accept: application/json\r\n", "GET", "", 0, true},
    Row{"doctor", "/doctor", 200, Body::text, Sort::board, "", "GET", "", 0, true},
    Row{"findings", "/console/findings.json", 200, Body::json, Sort::board, "", "GET", "", 0, true},
};
constexpr std::size_t kShort = 24;  // rows before the long ones
static_assert(!kRows[kShort - 1].is_long && kRows[kShort].is_long);

inline int status_at(const Row& row, bool own) { return own && row.own_status != 0 ? row.own_status : row.status; }

// One answer, as far as it has arrived.
struct Answer {
  int status = 0;
  std::string head, body;
  bool closes = false;    // the connection ends after it
  bool complete = false;  // as long as its head says
};

// Takes the answer at the front of `text`, whose request is a `row` (null: none). Returns the number of its bytes; 0: its head
// is incomplete. Sets `fault` if it is not HTTP, or has no length.
std::size_t take_answer(std::string_view text, const Row* row, Answer& out, std::string& fault);
// The value of a field of that name in the head; empty: there is none.
std::string_view value_of(std::string_view head, std::string_view name);
// Checks a complete answer with the status of `row`. Returns the error; empty: none.
std::string check_body(const Row& row, const Answer& answer);
// What the next poll of that page names as {next}. REQUIRES: check_body() found no error.
std::uint64_t next_of(const Row& row, const Answer& answer);

}  // namespace sim::views

namespace sim {

using ViewManner = ViewPlan::Manner;

// A client with one connection.
class Viewer {
 public:
  Viewer(World& world, const ViewPlan& plan, bool own, bool http10);
  bool act();
  [[nodiscard]] std::uint64_t next_time() const { return over ? 0 : waiting_until_; }
  // The configuration that accepted or refused it.
  [[nodiscard]] std::size_t edition() const { return connection_ ? connection_->edition : refused_in_; }
  [[nodiscard]] const ConnectionPtr& connection() const { return connection_; }
  [[nodiscard]] const ViewPlan& plan() const { return plan_; }
  [[nodiscard]] const views::Row& row(std::size_t nth) const { return views::kRows[plan_.asks[nth]]; }
  // How many requests were sent to their end.
  [[nodiscard]] std::size_t asked() const;
  [[nodiscard]] bool owns_listener() const { return own_; }

  std::vector<views::Answer> answers;  // the last one can be incomplete
  std::string fault;                   // of what it has received; empty: none
  std::string rest;                    // received, and not an answer yet
  bool over = false, saw_eof = false, saw_reset = false, left = false, refused = false;

 private:
  bool send();
  bool read();
  void take_answers();
  void leave(bool by_reset);
  void ask_next();
  [[nodiscard]] std::size_t complete_answers() const;
  [[nodiscard]] bool is_done() const;

  World& world_;
  const ViewPlan& plan_;
  bool own_, http10_;
  std::string said_;               // all that it says, so far
  std::vector<std::size_t> ends_;  // of its requests in `said_`
  std::size_t sent_ = 0, heard_ = 0, refused_in_ = 0;
  std::map<std::string_view, std::uint64_t> next_;  // of each page, by its path
  ConnectionPtr connection_;
  bool stopped_ = false;
  std::uint64_t waiting_until_ = 0;
};

}  // namespace sim

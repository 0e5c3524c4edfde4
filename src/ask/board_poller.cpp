#include "board_poller.hpp"

#include <algorithm>
#include <utility>

#include "../http/head.hpp"
#include "failure.hpp"

namespace ask {
namespace {

using std::string;
using std::string_view;

constexpr std::size_t kBytesMax = std::size_t{64} << 20;  // bytes of a response: a table of a million records
constexpr std::uint64_t kPatienceMs = 5000;
constexpr std::uint64_t kRetryMs = 1000;
constexpr std::uint64_t kPollMs = 100;  // a terminal shows no more

// What is wrong; empty: `body` is that of a response with status 200.
string problem_of(const ProxyAddress& proxy, const string& path, const Fetched& fetched, string_view& body) {
  if (fetched.what != Fetched::What::response) return failure_of(proxy, fetched);
  http::ResponseHead head;
  const http::Parsed parsed = http::parse_response(fetched.bytes, 0, false, head);
  body = string_view{fetched.bytes}.substr(parsed.length);
  if (head.status == 200) return {};
  const string text =
      proxy.name + " responded with " + std::to_string(head.status) + " to GET " + path + ": ";
  if (head.status == 401) return text + password_advice(proxy);
  if (head.status == 403) return text + "this address may not see the board (--allow)";
  return text + "it has no board; give the port of the proxy, or that of --console";
}

}  // namespace

BoardPoller::BoardPoller(const sys::Fd& poller, const ProxyAddress& proxy)
    : proxy_(proxy), session_(poller, proxy.addresses, kBytesMax) {}

string BoardPoller::path() const {
  switch (page_) {
    case Page::hello: return "/console/hello.json";
    case Page::cells: return "/console/cells?since=" + std::to_string(known.board.head.frame);
    case Page::turns: return "/console/turns?since=" + std::to_string(known.board.next_turn);
    case Page::findings: return "/console/findings.json";
    case Page::slot: return "/console/slot/" + std::to_string(slot_);
  }
  return {};
}

bool BoardPoller::step(std::uint64_t now, std::optional<std::uint32_t> slot) {
  bool changed = false;
  for (;;) {
    if (session_.busy()) {
      if (!session_.step() && now < due_) return changed;
      if (session_.busy()) session_.give_up();
      take(now, slot);
      changed = true;
    } else if (now < due_) {
      return changed;
    } else {
      ask(now);
    }
  }
}

void BoardPoller::ask(std::uint64_t now) {
  if (page_ == Page::cells) cells_due_ = now + kPollMs;
  session_.ask(get(proxy_, path()));
  due_ = now + kPatienceMs;
}

// Reads the response, and chooses the next page.
void BoardPoller::take(std::uint64_t now, std::optional<std::uint32_t> slot) {
  string_view body;
  string problem = problem_of(proxy_, path(), session_.result(), body);
  if (problem.empty())
    if (const string wrong = apply(body); !wrong.empty()) problem = proxy_.name + ' ' + wrong;
  if (!problem.empty()) return fail(std::move(problem), now);
  known.problem.clear();
  page_ = next_page(slot);
  if (slot) slot_ = *slot;
  due_ = page_ == Page::cells ? std::max(now, cells_due_) : now;
}

void BoardPoller::fail(string problem, std::uint64_t now) {
  known.problem = std::move(problem);
  complete_ = false;
  page_ = Page::hello;
  due_ = now + kRetryMs;
}

// Applies the body. Returns what is wrong with it; empty: nothing.
string BoardPoller::apply(string_view body) {
  const auto json = [body](Members& members) {
    return read_members(body, members) ? string{}
                                       : string{"does not serve the board: give the port of the proxy"};
  };
  switch (page_) {
    case Page::hello: return json(known.hello);
    case Page::findings: findings_seen_ = known.board.head.findings; return json(known.findings);
    case Page::slot: return json(known.slot);
    case Page::cells: {
      string wrong = apply_cells(body, known.board);
      if (wrong.empty()) cells_due_ += std::max<std::uint64_t>(known.board.head.next_ms, kPollMs) - kPollMs;
      return wrong;
    }
    case Page::turns: {
      string wrong = apply_turns(body, known.board);
      complete_ = wrong.empty();
      return wrong;
    }
  }
  return {};
}

// After the cells the pages that have news, in the order of Page, and then the cells again.
BoardPoller::Page BoardPoller::next_page(std::optional<std::uint32_t> slot) const noexcept {
  const console::CellsHead& head = known.board.head;
  if (page_ == Page::hello) return Page::cells;
  if (page_ < Page::turns && (head.turns != known.board.next_turn || !complete_)) return Page::turns;
  if (page_ < Page::findings && (head.findings > 0 || findings_seen_ > 0)) return Page::findings;
  if (page_ < Page::slot && slot) return Page::slot;
  return Page::cells;
}

}  // namespace ask

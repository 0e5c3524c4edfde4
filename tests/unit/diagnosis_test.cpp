// The sentence about what a record waits for.
#include "../../src/state/diagnosis.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace {

using plan::Wait;
using state::Situation;
using std::string;

string text_of(const Situation& situation) {
  std::array<char, state::kDiagnosisMax> room;
  base::Writer out{room};
  state::write_diagnosis(situation, out);
  EXPECT_FALSE(out.overflowed()) << out.view();
  return string{out.view()};
}

constexpr plan::Timeout kOfRoute{Wait::response_head, 700};

TEST(Diagnosis, Sentence) {
  struct Row {
    const char* title;
    Situation situation;
    const char* text;
  };
  const Row rows[] = {
      {"a slow reader",
       {State::SEND_RESPONSE, Wait::client_write, false, 16'384, 8'240, 51'760},
       "The client has read no response bytes for 8.2 s; 16384 bytes are held. In 51.7 s the connection "
       "closes "
       "(--reader-timeout)."},
      {"only state and wait",
       {.state = State::READ_RESPONSE, .wait = Wait::response_head},
       "The upstream has not completed the response head. At the timeout the client gets 504 "
       "(--answer-timeout)."},
      {"long times, one byte",
       {State::READ_REQUEST, Wait::request_head, false, 1, 100'999, 999},
       "The request head has been incomplete for 100 s; 1 byte is held. In 999 ms the client gets 408 "
       "(--head-timeout)."},
      {"the timeout is switched off",
       {State::SEND_RESPONSE, Wait::tunnel, false, 0, 1'000, Situation::kNever},
       "No bytes have passed in either direction for 1.0 s. There is no timeout (--tunnel-timeout 0)."},
      {"switched off by a route",
       {State::READ_RESPONSE, Wait::response_head, false, 0, 1'000, Situation::kNever, &kOfRoute},
       "The upstream has not completed the response head for 1.0 s. There is no timeout (answer_timeout in "
       "the configuration file)."},
      {"of a route",
       {State::READ_RESPONSE, Wait::response_head, false, 0, 1'000, 500, &kOfRoute},
       "The upstream has not completed the response head for 1.0 s. In 500 ms the client gets 504 "
       "(answer_timeout in the configuration file)."},
      {"no buffer",
       {State::SEND_RESPONSE, Wait::response_body, true, 0, 200, 59'800},
       "No buffer (--buffers) has been free for 200 ms. In 59.8 s the response is cut off "
       "(--stream-timeout)."},
      {"a wait without an option",
       {State::READ_REQUEST, Wait::login, false, 0, 5, 59'995},
       "The password has not been checked for 5 ms. In 59.9 s the client gets 503."},
      {"queued to run",
       {.state = State::SEND_REQUEST, .waited = 0},
       "The record has been ready to run for 0 ms."},
      {"free", {}, "The record is free."},
      {"no such pair",
       {.state = State::READ_RESPONSE, .wait = Wait::idle},
       "The record waits in an unknown way."},
  };
  for (const Row& row : rows) EXPECT_EQ(text_of(row.situation), row.text) << row.title;
}

TEST(Diagnosis, Timeout) {
  using base::Reason;
  struct Row {
    const char* title;
    State state;
    Reason reason;
    const char* text;
  };
  const Row rows[] = {
      {"a head", State::READ_REQUEST, Reason::head_timeout,
       "The request head has been incomplete for 30.0 s (--head-timeout)."},
      {"a connection, not a single attempt", State::SEND_REQUEST, Reason::connect_timeout,
       "The upstream has not accepted the connection for 30.0 s (--connect-timeout)."},
      {"a stalled upstream before the response", State::SEND_REQUEST, Reason::upstream_stalled,
       "The upstream has read no request bytes for 30.0 s (--send-timeout)."},
      {"a stalled upstream in the response", State::SEND_RESPONSE, Reason::upstream_stalled,
       "The upstream has sent no response bytes for 30.0 s (--stream-timeout)."},
      {"no option", State::READ_REQUEST, Reason::login_timeout,
       "The password has not been checked for 30.0 s."},
      {"of another state", State::READ_RESPONSE, Reason::head_timeout, ""},
      {"not a timeout", State::SEND_REQUEST, Reason::connection_refused, ""},
      {"no reason", State::READ_REQUEST, Reason::none, ""},
  };
  for (const Row& row : rows) {
    std::array<char, state::kDiagnosisMax> room;
    base::Writer out{room};
    state::write_timeout(row.state, row.reason, 30'000, nullptr, out);
    EXPECT_EQ(out.view(), row.text) << row.title;
  }
}

// The option would change nothing.
TEST(Diagnosis, ATimeoutOfARouteIsNamedByItsKey) {
  for (const bool of_request : {false, true}) {
    std::array<char, state::kDiagnosisMax> room;
    base::Writer out{room};
    const plan::Timeout own{Wait::response_head, 700, of_request};
    state::write_timeout(State::READ_RESPONSE, base::Reason::response_timeout, 700, &own, out);
    EXPECT_EQ(out.view(), string{"The upstream has not completed the response head for 700 ms ("} +
                              (of_request ? "request_timeout_ms" : "answer_timeout") +
                              " in the configuration file).");
  }
}

// A sentence for each row, with the option of its wait, also with the largest numbers.
TEST(Diagnosis, EachRow) {
  std::array<bool, plan::kWaits> named{};
  for (const state::DiagnosisRow& row : state::kDiagnosisRows) {
    EXPECT_EQ(state::find_diagnosis(row.state, row.wait), &row);
    const string text = text_of({row.state, row.wait, false, UINT64_MAX, UINT64_MAX / 2, UINT64_MAX / 2});
    EXPECT_EQ(text.find(row.what), 0U) << text;
    EXPECT_EQ(text.back(), '.');
    if (row.wait == Wait::none) continue;
    named[static_cast<std::size_t>(row.wait)] = true;
    EXPECT_NE(text.find(row.end), string::npos) << text;
    EXPECT_NE(text.find(plan::row(row.wait).option), string::npos) << text;
  }
  for (const plan::WaitRow& row : plan::kWaitRows)
    EXPECT_TRUE(named[static_cast<std::size_t>(row.wait)]) << "no state has this wait: " << row.what;
}

}  // namespace

#include "session.hpp"

#include <array>
#include <utility>

#include "../http/head.hpp"

namespace ask {

using What = Fetched::What;

void Session::ask(std::string request) {
  request_ = std::move(request);
  sent_ = 0;
  result_ = {};
  busy_ = true;
  kept_ = socket_.open();
  if (!kept_) at_ = 0;
}

bool Session::step() {
  bool goes_on = true;
  while (busy_ && goes_on)
    goes_on = !socket_.open() ? connect() : sent_ < request_.size() ? send() : receive();
  return !busy_;
}

void Session::give_up() {
  if (busy_) end(What::silent);
}

bool Session::connect() {
  sys::Opened opened = sys::connect(addresses_[at_]);
  socket_ = std::move(opened.fd);
  if (opened.error != 0) return fail(What::unreachable, opened.error);
  if (const int error = sys::watch(poller_, socket_.get(), 0); error != 0)
    return fail(What::unreachable, error);
  return true;
}

// send(2) fails with the error of connect(2), or with EAGAIN until the connection is made.
bool Session::send() {
  const sys::Io io =
      sys::transmit(socket_, std::as_bytes(std::span{request_}).subspan(sent_, request_.size() - sent_));
  if (io.outcome == sys::Outcome::fail) return fail(What::unreachable, io.error);
  if (io.outcome == sys::Outcome::again) return false;
  sent_ += io.bytes;
  return true;
}

bool Session::receive() {
  std::array<std::byte, 16384> room;
  const sys::Io io = sys::receive(socket_, room);
  switch (io.outcome) {
    case sys::Outcome::done:
      result_.bytes.append(reinterpret_cast<const char*>(room.data()), io.bytes);
      return result_.bytes.size() <= most_ ? !complete() : end(What::not_http);
    case sys::Outcome::again: return false;
    case sys::Outcome::eof: return fail(What::cut_off, 0);
    case sys::Outcome::fail: return fail(What::cut_off, io.error);
  }
  return false;
}

// The end of the exchange. Returns false.
bool Session::end(What what, int error) {
  if (what != What::response) socket_.reset();
  result_.what = what;
  result_.error = error;
  busy_ = false;
  return false;
}

// Returns true if there is another way: a new connection, or the next address.
bool Session::fail(What what, int error) {
  socket_.reset();
  if (std::exchange(kept_, false) && result_.bytes.empty()) {
    sent_ = at_ = 0;
    return true;
  }
  if (what != What::unreachable) return end(what, error);
  if (at_ == 0) first_error_ = error;
  if (++at_ == addresses_.size()) return end(what, first_error_);
  sent_ = 0;
  return true;
}

// Nothing more is to be received: ends the exchange.
bool Session::complete() {
  http::ResponseHead head;
  const http::Parsed parsed = http::parse_response(result_.bytes, 0, false, head);
  if (parsed.what == http::Parsed::What::partial) return false;
  if (parsed.what == http::Parsed::What::bad) return !end(What::not_http);
  const std::size_t length =
      parsed.length + (head.body.kind == http::Body::Kind::length ? head.body.length : 0);
  if (result_.bytes.size() < length) return false;
  if (!head.persistent || !(head.body.empty() || head.length) || result_.bytes.size() > length)
    socket_.reset();
  return !end(What::response);
}

}  // namespace ask

// A lane between two real sockets whose remote ends belong to the test.
#pragma once
#include "../../../src/net/lane.hpp"
#include "support.hpp"

namespace support {

// A TCP connection over loopback; both ends are non-blocking.
struct Pair {
  Pair() {
    Host host;
    near = sys::connect(host.address()).fd;
    await(near.get(), POLLOUT);
    await(host.listener().get(), POLLIN);
    far = host.accept();
  }
  sys::Fd near, far;
};

class LinuxLane : public testing::Test {
 protected:
  LinuxLane() {
    from.fd = std::move(source_.near);
    to.fd = std::move(sink_.near);
    from.readable = to.writable = true;
    giver.emplace(std::move(source_.far));
    taker.emplace(std::move(sink_.far));
  }
  void frame(http::Body::Kind kind, std::uint64_t length = 0) {
    lane.framing = http::Framing{http::Body{kind, length}};
  }
  // Bytes have arrived and the source is marked readable.
  void arrive(std::string_view text) {
    giver->outbox += text;
    giver->push();
    ASSERT_TRUE(giver->outbox.empty());
    ASSERT_TRUE(await(from.fd.get(), POLLIN));
    from.readable = true;
  }
  void end_of_source() {
    giver->finish();
    ASSERT_TRUE(await(from.fd.get(), POLLRDHUP));
    from.readable = from.finished = true;
  }
  net::Flow pump(std::size_t budget = 1 << 20) { return net::pump(lane, from, to, {blocks, pipes}, budget); }
  const std::string& taken(std::size_t bytes) {
    while (taker->received.size() < bytes && await(taker->fd(), POLLIN) && !taker->ended()) taker->pull();
    return taker->received;
  }

 private:
  Pair source_, sink_;
  Room memory_{base::BlockPool::footprint(2)};

 protected:
  base::BlockPool blocks{memory_.get(), 2};
  net::Pipes pipes{2};
  net::Endpoint from, to;
  net::Lane lane;
  std::optional<Peer> giver, taker;
};

}  // namespace support

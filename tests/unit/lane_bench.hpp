// A lane on the simulated kernel, between two sockets whose remote ends belong to the test.
#pragma once
#include <gtest/gtest.h>

#include "../../src/net/lane.hpp"
#include "bench.hpp"

namespace bench {

class LaneTest : public testing::Test {
 protected:
  explicit LaneTest(std::size_t send_room = 8192) : world(chooser, kind(send_room)) {
    listener = sys::listen(sys::loopback4(8080), 1).fd;
    source = world.connect_to_program(8080);
    sink = world.connect_to_program(8080);
    sys::Address peer;
    from.fd = sys::accept(listener, peer).fd;
    to.fd = sys::accept(listener, peer).fd;
    from.readable = to.writable = true;
  }
  ~LaneTest() override {
    lane = net::Lane{};
    from = net::Endpoint{};
    to = net::Endpoint{};
    listener.reset();
  }
  LaneTest(const LaneTest&) = delete;
  LaneTest& operator=(const LaneTest&) = delete;

  void frame(http::Body body) { lane.framing = http::Framing{body}; }
  void arrive(std::string_view bytes) {
    source->up.arrived += bytes;
    from.readable = true;
  }
  net::Flow pump(std::size_t budget = 1 << 20) { return net::pump(lane, from, to, {blocks, pipes}, budget); }

  First chooser;
  sim::World world;
  Inside inside{world};
  Room<base::Block> memory{base::BlockPool::footprint(2)};
  base::BlockPool blocks{memory.memory, 2};
  net::Pipes pipes{2};
  sys::Fd listener;
  sim::ConnectionPtr source, sink;
  net::Endpoint from, to;
  net::Lane lane;
};

}  // namespace bench

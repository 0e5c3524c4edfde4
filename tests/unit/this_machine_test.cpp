// Connections that lead back to the proxy.
#include "../../src/plan/this_machine.hpp"

#include <gtest/gtest.h>

#include "../../src/plan/config.hpp"
#include "address.hpp"

namespace {

using plan::Forwards;
using plan::ThisMachine;

TEST(ThisMachine, EachAddressOfTheMachineReachesAWildcardListener) {
  ThisMachine machine;
  machine.set_addresses({{at("127.0.0.1", 0), 8},
                         {at("10.9.0.1", 0), 32},
                         {at("10.8.0.1", 0), 24},
                         {at("2001:db8::1", 0), 128}});
  machine.set_listeners({{at("0.0.0.0", 8080), 0, Forwards::requests},
                         {at("10.9.0.1", 8081), 1, Forwards::requests},
                         {at("0.0.0.0", 8082), 2, Forwards::nothing}});
  struct Row {
    const char* to;
    std::uint16_t port;
    bool loop;
  };
  for (const Row& row : {Row{"127.0.0.1", 8080, true},
                         {"127.9.9.9", 8080, true},
                         {"10.9.0.1", 8080, true},
                         {"::ffff:10.9.0.1", 8080, true},
                         {"64:ff9b::10.9.0.1", 8080, true},
                         {"::ffff:0:127.0.0.1", 8080, true},
                         {"10.9.0.1", 8079, false},
                         {"10.9.0.2", 8080, false},
                         {"10.8.0.77", 8080, true},
                         {"10.9.0.1", 8081, true},
                         {"64:ff9b::10.9.0.1", 8081, true},
                         {"127.0.0.1", 8081, false},
                         {"10.9.0.1", 8082, false},
                         {"127.0.0.1", 8082, false}})
    EXPECT_EQ(machine.is_loop(at(row.to, row.port)), row.loop) << row.to << ' ' << row.port;
  machine.set_addresses({{at("10.9.0.2", 0), 32}});
  EXPECT_TRUE(machine.is_loop(at("10.9.0.2", 8080))) << "a new address";
  EXPECT_FALSE(machine.is_loop(at("10.9.0.1", 8080))) << "one that the machine had before";
}

TEST(ThisMachine, ATcpProxyMustNotLeadBackToItself) {
  ThisMachine machine;
  std::vector<ThisMachine::Entry> listeners;
  for (std::uint16_t i = 0; i < 4; ++i)
    listeners.push_back({at("127.0.0.1", static_cast<std::uint16_t>(9000 + i)), i, Forwards::bytes});
  listeners.push_back({at("127.0.0.1", 9004), 4, Forwards::requests});
  machine.set_listeners(listeners);
  const auto closes = [&machine](std::size_t from, std::uint16_t to) {
    return machine.closes_loop(from, at("127.0.0.1", static_cast<std::uint16_t>(9000 + to)));
  };
  EXPECT_TRUE(closes(0, 0)) << "directly";
  EXPECT_FALSE(closes(0, 1)) << "a chain does not loop";
  EXPECT_FALSE(closes(1, 2));
  EXPECT_FALSE(closes(0, 1)) << "nor is the same step again";
  EXPECT_TRUE(closes(1, 0)) << "over one";
  EXPECT_TRUE(closes(2, 0)) << "over two";
  EXPECT_FALSE(closes(3, 0)) << "into a chain";
  EXPECT_TRUE(closes(2, 3));
  EXPECT_FALSE(closes(0, 4)) << "HTTP finds its loops by Via";
  EXPECT_FALSE(closes(0, 9)) << "not a listener";
  machine.set_listeners(listeners);
  EXPECT_FALSE(closes(1, 0)) << "a new configuration";
}

TEST(ThisMachine, WhatAListenerForwards) {
  plan::Config config;
  config.sites.resize(2);
  config.sites[0].routes.resize(2);
  config.sites[0].routes[1].kind = plan::RouteKind::metrics;
  config.sites[1].routes.resize(1);
  config.sites[1].routes[0].kind = plan::RouteKind::reverse;
  const auto of = [&config](plan::Role role, std::vector<std::size_t> sites = {}) {
    plan::Listener listener;
    listener.role = role;
    listener.sites = std::move(sites);
    return plan::forwards(config, listener);
  };
  EXPECT_EQ(of(plan::Role::forward), Forwards::requests);
  EXPECT_EQ(of(plan::Role::relay), Forwards::bytes);
  EXPECT_EQ(of(plan::Role::web, {0}), Forwards::nothing);
  EXPECT_EQ(of(plan::Role::web, {0, 1}), Forwards::requests);
  EXPECT_EQ(of(plan::Role::echo), Forwards::nothing);
  EXPECT_EQ(of(plan::Role::reverse_lines), Forwards::nothing);
  EXPECT_EQ(of(plan::Role::send_file), Forwards::nothing);
}

}  // namespace

// Addresses as text.
#pragma once
#include <gtest/gtest.h>

#include "../../src/sys/address.hpp"

inline sys::Address at(const char* text, std::uint16_t port) {
  sys::Address address;
  EXPECT_TRUE(sys::parse_ip(text, port, address)) << text;
  return address;
}

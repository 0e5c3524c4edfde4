// CRC-32C (Castagnoli), the checksum of iSCSI (RFC 3720 section 12.1).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace record {

namespace detail {
// Eight tables: each looks up one of eight bytes at a time ("slicing by eight").
constexpr std::array<std::array<std::uint32_t, 256>, 8> make_crc_tables() {
  constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reflected
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1U) != 0 ? kPolynomial : 0);
    tables[0][i] = crc;
  }
  for (std::size_t table = 1; table < 8; ++table)
    for (std::size_t i = 0; i < 256; ++i)
      tables[table][i] = tables[table - 1][i] >> 8 ^ tables[0][tables[table - 1][i] & 0xff];
  return tables;
}
inline constexpr auto kCrcTables = make_crc_tables();
}  // namespace detail

// Returns the checksum of `bytes`. A part of longer data takes the checksum of the parts before it as
// `before`. Can run in a signal handler.
inline std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept {
  const auto& table = detail::kCrcTables;
  const auto at = [](std::byte byte, std::uint32_t crc) noexcept {
    return (static_cast<std::uint32_t>(byte) ^ crc) & 0xff;
  };
  std::uint32_t crc = ~before;
  while (bytes.size() >= 8) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < 8; ++i) next ^= table[7 - i][at(bytes[i], i < 4 ? crc >> 8 * i : 0)];
    crc = next;
    bytes = bytes.subspan(8);
  }
  for (const std::byte byte : bytes) crc = crc >> 8 ^ table[0][at(byte, crc)];
  return ~crc;
}

}  // namespace record

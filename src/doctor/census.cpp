#include "census.hpp"

namespace doctor {
namespace {

constexpr std::size_t kPipeEnds = 2;

std::size_t descriptors_of(const request_info& record) noexcept {
  std::size_t count = 0;
  for (const net::Endpoint& side : record.side) count += side.fd ? 1U : 0U;
  if (record.exchange) count += record.exchange->connector.earlier().size();
  if (record.body_source) count += record.body_source->descriptors();
  return count;
}

}  // namespace

Census take_census(const Worker& worker) noexcept {
  Census census;
  for (std::uint32_t slot = 0; slot < worker.table.touched(); ++slot) {
    const request_info& record = worker.table.at(slot);
    if (record.state == State::FREE) continue;
    ++census.records;
    census.descriptors += descriptors_of(record);
  }
  census.descriptors += worker.upstreams.idle() + kPipeEnds * worker.pipes.open();
  census.descriptors += worker.resolver.descriptors();
  if (worker.files != nullptr) census.descriptors += worker.files->descriptors();
  return census;
}

}  // namespace doctor

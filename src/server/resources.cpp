#include "resources.hpp"

#include <array>
#include <cstdio>
#include <span>

#include "../plan/generation.hpp"
#include "../sys/core_dump.hpp"

namespace server {
namespace {

std::string random_hexadecimal() {
  std::uint32_t number = 0;
  sys::random_bytes(std::as_writable_bytes(std::span{&number, 1}));
  std::array<char, 9> text;
  std::snprintf(text.data(), text.size(), "%08x", number);
  return text.data();
}

// Two for each record, and some to log connections that are refused.
std::size_t exchanges_for(const Capacity& capacity) noexcept {
  constexpr std::size_t kRefusals = 64;  // logged in a turn, at least
  return 2 * std::size_t{capacity.slots} + kRefusals;
}

}  // namespace

base::SipKey random_key() noexcept {
  base::SipKey key;
  sys::random_bytes(std::as_writable_bytes(std::span{&key, 1}));
  return key;
}

Resources::Resources(sys::Fd into_poller, const Capacity& with, plan::Generation& generation)
    : capacity(with),
      poller(std::move(into_poller)),
      record_memory(capacity.slots * sizeof(request_info)),
      block_memory(base::BlockPool::footprint(capacity.blocks, capacity.block_bytes)),
      exchange_memory(ExchangePool::footprint(exchanges_for(capacity))),
      trace_memory(capacity.trace_entries * sizeof(base::TraceEntry)),
      trace({reinterpret_cast<base::TraceEntry*>(trace_memory.memory()), capacity.trace_entries}),
      blocks(block_memory.memory(), capacity.blocks, capacity.block_bytes),
      pipes(capacity.pipes),
      exchanges(exchange_memory.memory(), exchanges_for(capacity)),
      table(reinterpret_cast<request_info*>(record_memory.memory()), capacity.slots),
      resolver(poller, capacity.lookups),
      upstreams(idle_upstreams_max(generation.config)),
      run_id(random_hexadecimal()),
      shares(with.slots, random_key()),
      worker{.current = &generation,
             .poller = poller,
             .table = table,
             .scheduler = scheduler,
             .shares = shares,
             .blocks = blocks,
             .pipes = pipes,
             .exchanges = exchanges,
             .resolver = resolver,
             .upstreams = upstreams,
             .trace = trace,
             .files = &files,
             .head_limits = generation.config.head_limits,
             .run_id = run_id} {
  for (const sys::Reservation* received : {&block_memory, &exchange_memory})
    sys::omit_from_core(received->memory(), received->bytes());
  if (!generation.config.lens.text.empty()) sys::use_lens(&lens.emplace(generation.config.lens));
  resolver.use(generation.config.nameservers);
  worker.finished.reserve(exchanges_for(capacity));
  sys::trace_calls(&trace);
}

Resources::~Resources() {
  sys::use_lens(nullptr);
  sys::trace_calls(nullptr);
}

bool Resources::complete() const noexcept {
  return record_memory.memory() != nullptr && block_memory.memory() != nullptr &&
         exchange_memory.memory() != nullptr && trace_memory.memory() != nullptr;
}

}  // namespace server

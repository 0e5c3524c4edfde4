// What the records share: memory, pools, the resolver, idle upstream connections, the trace. System calls are
// noted in the trace, and changed by the lens if there is one, as long as this lives.
#pragma once
#include <cstddef>
#include <optional>
#include <string>

#include "../state/worker.hpp"
#include "../sys/call_trace.hpp"
#include "../sys/lens.hpp"
#include "../sys/reservation.hpp"
#include "capacity.hpp"

namespace server {

// A random, secret key.
base::SipKey random_key() noexcept;

struct Resources {
  // Reserves the memory of all records and pools. REQUIRES: `generation` outlives this.
  Resources(sys::Fd into_poller, const Capacity& with, plan::Generation& generation);
  Resources(const Resources&) = delete;
  Resources& operator=(const Resources&) = delete;
  ~Resources();

  // False if some memory could not be reserved; nothing may be used then.
  [[nodiscard]] bool complete() const noexcept;

  Capacity capacity;
  std::optional<sys::Lens> lens;  // that --lens asks for; before all that it looks at
  sys::Fd poller;
  sys::Reservation record_memory, block_memory, exchange_memory, trace_memory;
  base::Trace trace;
  base::BlockPool blocks;
  net::Pipes pipes;
  ExchangePool exchanges;
  Table table;
  net::Resolver resolver;
  net::UpstreamPool upstreams;
  files::Server files;
  std::string run_id;  // random, so that request numbers differ between runs
  plan::Shares shares;
  Scheduler scheduler{table, shares};
  Worker worker;
};

// Idle upstream connections to keep; 0 with HTTP/1.0 upstreams.
inline std::size_t idle_upstreams_max(const plan::Config& config) noexcept {
  return config.http10 ? 0 : config.keep_upstreams;
}

}  // namespace server

#include "failover.hpp"

#include "bookkeeping.hpp"

using base::Reason;

namespace state {

bool choose_member(request_info& record, Turn& turn, Worker& worker) noexcept {
  Route& route = record.exchange->route;
  const std::size_t member = turn.groups().choose(route.group, record.client, worker.now, route.tried);
  route.in_group = member != plan::kNoMember;
  if (!route.in_group) return false;
  turn.groups().begun(route.group, member);
  route.member = static_cast<std::uint8_t>(member);
  route.tried |= std::uint64_t{1} << member;  // PLANT(member-tried)
  route.hop = &turn.config().groups[route.group].members[member];
  return true;
}

Result fail_over(request_info& record, Turn& turn, Worker& worker, Reason reason) noexcept {
  Exchange& exchange = *record.exchange;
  const Route& route = exchange.route;
  if (!route.in_group || base::ended_by_proxy(reason)) return fail_request(record, turn, worker, reason);
  turn.groups().ended(route.group, route.member);
  turn.groups().failed(route.group, route.member, worker.now);
  if (!choose_member(record, turn, worker)) return fail_request(record, turn, worker, reason);
  exchange.connector.reset();  // PLANT(next-member)
  record.side[kUpstream] = net::Endpoint{};
  return again();
}

}  // namespace state

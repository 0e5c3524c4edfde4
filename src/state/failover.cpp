#include "failover.hpp"

#include "bookkeeping.hpp"

using base::Reason;

namespace state {

namespace {

// A login belongs to a connection, so its steps must go to the same member. kNoMember: there is none.
std::size_t bound_member(const request_info& record, const Turn& turn, const Worker& worker) noexcept {
  const std::vector<plan::Hop>& members = turn.config().groups[record.exchange->route.group].members;
  if (worker.upstreams.bound() == 0 || record.exchange->route.tried != 0) return plan::kNoMember;
  for (std::size_t member = 0; member < members.size(); ++member)
    if (worker.upstreams.has_bound(pool_key(members[member]), record.id)) return member;
  return plan::kNoMember;
}

}  // namespace

bool choose_member(request_info& record, Turn& turn, Worker& worker) noexcept {
  Route& route = record.exchange->route;
  std::size_t member = bound_member(record, turn, worker);
  if (member == plan::kNoMember)
    member = turn.groups().choose(route.group, record.client, worker.now, route.tried);
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
  // The local ports of a connection are those of one server: another one may have some.
  const bool is_final = base::ended_by_proxy(reason) && reason != Reason::no_local_port;
  if (!route.in_group || is_final) return fail_request(record, turn, worker, reason);
  turn.groups().ended(route.group, route.member);
  turn.groups().failed(route.group, route.member, worker.now);
  if (!choose_member(record, turn, worker)) return fail_request(record, turn, worker, reason);
  exchange.connector.next_host();  // PLANT(next-member)
  exchange.log.error = 0;          // of a server that does not matter any more
  record.side[kUpstream] = net::Endpoint{};
  return again();
}

}  // namespace state

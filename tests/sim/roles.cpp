#include "roles.hpp"

#include "roles_actors.hpp"

namespace sim {

Roles::Roles(World& world, const RolesPlan& plan, bool others) : plan_(plan) {
  if (plan.calls.empty()) return;
  world.put_node("/www", sys::FileStatus::Kind::directory, "", 1);
  world.put_file("/www/small", file_content(plan, false));
  world.put_file("/www/large", file_content(plan, true));
  for (const CallPlan& call : plan.calls) {
    const std::string header = has_proxy_header(plan, call) ? header_of(call.header, calls_.size(), plan.of_one) : "";
    calls_.push_back(std::make_unique<Caller>(world, call, header));
    world.actors.emplace_back([client = calls_.back().get()] { return client->act(); });
  }
  static const MemberPlan kOther;
  for (std::size_t i = 0; i < plan.members.size() + (others ? 1 : 0); ++i)
    for (const bool web : {false, true}) {
      const bool other = i == kOtherMember;
      members_.push_back(std::make_unique<Member>(world, other ? kOther : plan.members[i], i, web, plan.header_version, other));
      world.actors.emplace_back([member = members_.back().get()] { return member->act(); });
    }
}
Roles::~Roles() = default;

bool Roles::over() const {
  return std::all_of(calls_.begin(), calls_.end(), [](const auto& call) { return call->over; });
}

std::uint64_t Roles::next_time() const {
  std::uint64_t next = 0;
  for (const auto& call : calls_)
    if (const std::uint64_t time = call->next_time(); time != 0 && (next == 0 || time < next)) next = time;
  return next;
}

// A header does not count, and the bytes right after it are read with it.
std::size_t Roles::uncounted() const {
  constexpr std::size_t kReadAtOnce = 16 * 1024;
  return kReadAtOnce * static_cast<std::size_t>(std::count_if(plan_.calls.begin(), plan_.calls.end(), [this](const CallPlan& call) { return has_proxy_header(plan_, call); }));
}

}  // namespace sim

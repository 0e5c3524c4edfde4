#include "methods.hpp"

#include <algorithm>
#include <array>

namespace http {
namespace {

// In alphabetical order.
constexpr std::array<std::string_view, 40> kMethods{"ACL",
                                                    "BASELINE-CONTROL",
                                                    "BIND",
                                                    "CHECKIN",
                                                    "CHECKOUT",
                                                    "CONNECT",
                                                    "COPY",
                                                    "DELETE",
                                                    "GET",
                                                    "HEAD",
                                                    "LABEL",
                                                    "LINK",
                                                    "LOCK",
                                                    "MERGE",
                                                    "MKACTIVITY",
                                                    "MKCALENDAR",
                                                    "MKCOL",
                                                    "MKREDIRECTREF",
                                                    "MKWORKSPACE",
                                                    "MOVE",
                                                    "OPTIONS",
                                                    "ORDERPATCH",
                                                    "PATCH",
                                                    "POST",
                                                    "PRI",
                                                    "PROPFIND",
                                                    "PROPPATCH",
                                                    "PUT",
                                                    "QUERY",
                                                    "REBIND",
                                                    "REPORT",
                                                    "SEARCH",
                                                    "TRACE",
                                                    "UNBIND",
                                                    "UNCHECKOUT",
                                                    "UNLINK",
                                                    "UNLOCK",
                                                    "UPDATE",
                                                    "UPDATEREDIRECTREF",
                                                    "VERSION-CONTROL"};
static_assert(std::is_sorted(kMethods.begin(), kMethods.end()));

}  // namespace

bool is_registered_method(std::string_view method) noexcept {
  return std::binary_search(kMethods.begin(), kMethods.end(), method);
}

base::Reason page_objection(std::string_view method) noexcept {
  if (method == "GET" || method == "HEAD") return base::Reason::none;
  return is_registered_method(method) ? base::Reason::method_not_allowed : base::Reason::unknown_method;
}

}  // namespace http

// The web server's own responses: files, redirects, metrics.
#pragma once
#include "../plan/plan.hpp"
#include "local_response.hpp"
#include "worker.hpp"

namespace state {

// Responds to a request as planned. REQUIRES: the response has a block; `head` and what `plan` refers to lie
// in the request's block.
Result serve_web(request_info& record, Turn& turn, Worker& worker, const http::RequestHead& head,
                 std::size_t head_length, const plan::Plan& plan) noexcept;

// Pages about the proxy, which a web server and the board have; their `work` is without that for the text.
//
// Data of the moment, which no cache keeps.
Pages::Page make_page(std::string_view type, std::shared_ptr<const std::string> text, std::uint64_t work = 0);
// Counters and gauges; as JSON or OpenMetrics if `fields`, those of the request, prefer it.
Pages::Page metrics_page(Worker& worker, const http::Fields& fields);
// What the loop doctor finds; as JSON also if `json`, for a browser at a path such as /doctor.json.
Pages::Page findings_page(Worker& worker, const http::Fields& fields, bool json);
// 200, or 503: clients should be sent elsewhere.
Pages::Page health_page(bool good);

}  // namespace state

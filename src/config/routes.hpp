// Reads the routes of a web server from the configuration file.
#pragma once
#include "../plan/config.hpp"
#include "value.hpp"

namespace config {

// Appends the routes to `site` and their groups to `config`; to `given` the settings that depend on options.
void read_routes(const FileValue& routes, plan::Config& config, plan::Site& site,
                 std::vector<GivenOption>& given);

// Reads "users" and "realm" of a route or a server. Reports errors.
void read_login(const FileObject& object, plan::Config& config, std::uint8_t& users, std::string& realm);

// Warns about a "realm" that none of these routes uses; appends to `given` what depends on --users.
// `by_option`: without its own "users", the object has those of --users.
void note_login(const FileObject& object, std::span<const plan::WebRoute> routes, bool by_option,
                std::vector<GivenOption>& given);

// Reads "request_timeout_ms": of the request, and of the response's head. Reports errors.
void read_request_timeout(const FileObject& object, plan::Timeouts& out);

// Reads "max_body". Reports errors.
void read_body_limit(const FileObject& object, plan::BodyLimit& out);

// Reads "charset". Reports errors.
void read_charset(const FileObject& object, std::string& out);

// Appends the networks of an array, or nothing if the key is missing. Reports errors.
void read_networks(const FileObject& object, std::string_view key, plan::Networks& out);

// Reads a group from "upstreams" (or "upstream") and "load_balancing". Nothing after an error, which is
// reported.
std::optional<plan::Group> read_group(const FileObject& object);

}  // namespace config

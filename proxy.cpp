// The program: its subcommands, the wiring of the server, and the exit status.
#include <array>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/ask/doctor.hpp"
#include "src/config/command_line.hpp"
#include "src/config/json.hpp"
#include "src/config/paths.hpp"
#include "src/config/rule_text.hpp"
#include "src/explain/explain.hpp"
#include "src/plan/crypt.hpp"
#include "src/replay/replay.hpp"
#include "src/replay/standard_output.hpp"
#include "src/server/own_networks.hpp"
#include "src/server/server.hpp"
#include "src/watch/announcement.hpp"
#include "src/watch/diagnostics.hpp"
#include "src/watch/sink.hpp"

namespace {

using config::CommandLine;
using watch::print_diagnostics;
using Arguments = std::span<const char* const>;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int fail(int status, std::string_view message) {
  print_diagnostics(message);
  return status;
}

void print_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) print_diagnostics(warning);
}

// Standard output, and the log's file or socket if it has one. Returns an error message; empty: success.
std::string open_streams(const plan::Config& config, watch::Reporter::Streams& streams) {
  streams.output = sys::open_stdout().fd;
  if (config.access_log == "-" || config.access_log == "off") return {};
  const watch::LogTarget where = watch::log_target(config.access_log);
  sys::Opened log = where.backend->open(where.path.c_str());
  streams.log_file = std::move(log.fd);
  if (streams.log_file) return {};
  return "cannot open the log " + config.access_log + ": " + std::strerror(log.error);
}

// Runs the server until a signal ends it.
int serve(const plan::Config& config, Arguments arguments) {
  sys::Fd poller, signals;
  watch::Reporter::Streams streams;
  if (const std::string error = server::open_descriptors(poller, signals); !error.empty())
    return fail(kExitFailed, error);
  if (const std::string error = open_streams(config, streams); !error.empty())
    return fail(kExitFailed, error);
  const server::Capacity capacity = server::capacity_for(config);
  server::Generations generations;
  generations.push_back(server::first_generation(config, capacity.slots));
  server::Resources resources{std::move(poller), capacity, *generations.back()};
  if (!resources.complete())
    return fail(kExitFailed, "cannot reserve memory; lower --buffers or --max-requests");
  server::Server server{resources, generations, std::move(signals), std::move(streams), arguments};
  if (const std::string error = server::read_files(*generations.back()); !error.empty())
    return fail(kExitUsage, error);
  if (const std::string error = server.listen(); !error.empty()) return fail(kExitFailed, error);
  if (const std::string error = server.record(); !error.empty()) return fail(kExitFailed, error);
  print_warnings(config::rule_warnings(config.rules));
  print_warnings(server::unknown_users(*generations.back()));
  server.announce();
  server.serve();
  return 0;
}

// `proxy explain ...`: prints what would be done with a request.
int explain_request(Arguments arguments) {
  explain::Question question;
  std::vector<const char*> rest{"0"};  // the proxy's own options, with a port because they need one
  if (const std::string error = explain::read_question(arguments, question, rest); !error.empty())
    return fail(kExitUsage, error);
  const CommandLine line = config::parse_command_line(rest);
  print_warnings(line.warnings);
  if (line.what == CommandLine::What::wrong) return fail(kExitUsage, line.message);
  if (const std::string error = server::read_host_lists(line.config); !error.empty())
    return fail(kExitUsage, error);
  server::read_own_networks(question.machine);
  std::fputs(explain::explain(line.config, question, explain::look_up).c_str(), stdout);
  return 0;
}

// `proxy replay FILE`: prints a record file.
int replay_file(Arguments arguments) {
  constexpr std::size_t kMost = std::size_t{4} << 30U;
  replay::Request request;
  if (const std::string error = replay::read_request(arguments, request); !error.empty())
    return fail(kExitUsage, error);
  if (request.help) return std::fputs(std::string{replay::help_text()}.c_str(), stdout) < 0 ? kExitFailed : 0;
  std::string file;
  if (const int error = sys::read_file(request.path.c_str(), kMost, file, sys::Pipes::inherited); error != 0)
    return fail(kExitFailed, "cannot read " + request.path + ": " + std::strerror(error));
  record::Recording recording;
  if (const std::string error = record::read(std::as_bytes(std::span{file}), recording); !error.empty())
    return fail(kExitFailed, request.path + ": " + error);
  replay::StandardOutput out;
  const std::string wrong = replay::write_recording(recording, request, out);
  if (const int error = out.finish(); error != 0)
    return fail(kExitFailed, std::string{"cannot write the output: "} + std::strerror(error));
  return wrong.empty() ? 0 : fail(kExitFailed, wrong);
}

// `proxy doctor PORT`: prints what the loop doctor of a running proxy finds.
int ask_doctor(Arguments arguments) {
  ask::Question question;
  if (const std::string error = ask::read_question(arguments, question); !error.empty())
    return fail(kExitUsage, error);
  const ask::Answer answer = question.help ? ask::help() : ask::ask_doctor(question);
  if (!answer.error.empty()) return fail(answer.status, answer.error);
  std::fputs(answer.page.c_str(), stdout);
  return answer.status;
}

// What opening the streams of `open_streams` would report. Creates no file.
std::string check_streams(const plan::Config& config) {
  if (config.access_log == "-" || config.access_log == "off") return {};
  const watch::LogTarget where = watch::log_target(config.access_log);
  if (where.backend == &watch::kFile) return config::check_log_file(where.path);
  const sys::Opened log = where.backend->open(where.path.c_str());
  return log.fd ? std::string{}
                : "cannot open the log " + config.access_log + ": " + std::strerror(log.error);
}

// --check: the configuration is valid, and the files that it names can be used.
int print_check(const CommandLine& line) {
  print_warnings(config::rule_warnings(line.config.rules));
  plan::Generation generation{line.config};
  if (const std::string error = server::read_files(generation); !error.empty())
    return fail(kExitUsage, error);
  print_warnings(server::unknown_users(generation));
  if (const std::string error = check_streams(line.config); !error.empty()) return fail(kExitUsage, error);
  std::printf("%s\n", line.message.c_str());
  return 0;
}

int print_version() {
  std::printf("proxy %s%s%s\n", std::string{plan::kVersion}.c_str(),
              plan::make_crypt(sys::cpu_us) ? ", passwords by libcrypt" : "",
              config::has_json() ? ", files by nlohmann-json" : "");
  if (const std::string notice = watch::mistake_notice(); !notice.empty())
    std::printf("%s\n", notice.c_str());
  return 0;
}

constexpr std::array<std::pair<std::string_view, int (*)(Arguments)>, 3> kSubcommands{
    {{"explain", explain_request}, {"replay", replay_file}, {"doctor", ask_doctor}}};

}  // namespace

int main(int argc, char** argv) {
  const Arguments all{argv, static_cast<std::size_t>(argc)};
  const Arguments arguments = all.subspan(argc > 0 ? 1 : 0);
  for (const auto& [name, run] : kSubcommands)
    if (!arguments.empty() && arguments[0] == name) return run(arguments.subspan(1));
  const CommandLine line = config::parse_command_line(arguments);
  print_warnings(line.warnings);
  switch (line.what) {
    case CommandLine::What::wrong: return fail(kExitUsage, line.message);
    case CommandLine::What::checked: return print_check(line);
    case CommandLine::What::help:
      return std::fputs(config::help_text().c_str(), stdout) < 0 ? kExitFailed : 0;
    case CommandLine::What::version: return print_version();
    case CommandLine::What::run: return serve(line.config, arguments);
  }
  return kExitFailed;
}

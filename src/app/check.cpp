#include "app/exit_code.hpp"
#include "app/setup.hpp"
#include "app/webhook_service.hpp"
#include "app/writeback_check.hpp"
#include "stibee_sync/json/value.hpp"

#include <iostream>

#include <boost/asio/co_spawn.hpp>

namespace stibee_sync::app {
namespace {

namespace asio = boost::asio;

/// What came of asking Stibee.
struct Probe {
  int code = ExitCode::ok;
  std::string text;
};

asio::awaitable<void> probe(http::Transport* transport, const delivery::Dialect* dialect, std::string key,
                            Probe* out) {
  auto opened = co_await transport->open();
  if (!opened.ok()) {
    out->code = ExitCode::unavailable;
    out->text = opened.failure().detail;
    co_return;
  }
  auto channel = std::move(opened).take_channel();
  const auto call = dialect->probe();
  http::Request request(call.method, call.target);
  request.add_header("Accept", "application/json");
  request.add_secret_header("AccessToken", key);
  auto answer = co_await channel->exchange(std::move(request));
  if (!answer.ok()) {
    out->code = ExitCode::unavailable;
    out->text = answer.failure().detail;
    co_return;
  }
  delivery::ApiAnswer api_answer;
  api_answer.status = answer.response().status();
  api_answer.body = answer.response().body();
  const auto result = dialect->read_probe(api_answer);
  if (result.verdict == delivery::CallVerdict::Unauthorised) {
    out->code = ExitCode::refused;
    out->text =
        "Stibee refuses the API key (" + result.reason + "); make a new one in the workspace's settings";
  } else if (result.verdict == delivery::CallVerdict::Answered) {
    out->text = "Stibee accepts the API key";
  } else {
    // "in preparation" by Stibee's own documentation: an odd answer proves nothing.
    out->text = "warning: Stibee answers oddly (" + result.reason +
                "), which API v1 may do on this call; the key was not refused";
  }
}

}  // namespace

int check(const Options& options) {
  const auto settings = load_settings(options, settings::SecretFiles::Read);
  const auto dialect = make_dialect(settings);
  json::Value::Array lines;
  int code = ExitCode::ok;
  const auto say = [&](const std::string& what, bool ok, const std::string& text) {
    if (options.json) {
      json::Value line;
      line.set("check", what);
      line.set("ok", ok);
      line.set("message", text);
      lines.push_back(std::move(line));
    } else {
      (ok ? std::cout : std::cerr) << (ok ? "ok    " : "FAIL  ") << what << ": " << text << std::endl;
    }
  };
  say("configuration", true, options.config.string());
  if (settings.webhook) say("webhook", true, describe(*settings.webhook));

  const auto reader = source::make_postgres_reader(database_connection(settings));
  const auto described = describe_sources(*reader, settings, *dialect);
  for (const auto& problem : described.problems) {
    say("database", false, settings::to_string(problem));
    code = ExitCode::bad_config;
  }
  if (described.error) {
    say("database", false, described.error->message);
    code = exit_code_of(*described.error);
  }
  for (const auto& [name, found] : described.mirrors)
    say("mirror " + name, true, found);
  if (!described.error) {
    const auto writer = source::make_postgres_writer(write_connection(settings));
    const auto prepared = prepare_writebacks(*writer, settings, *dialect);
    for (const auto& problem : prepared.forbidden) {
      say("writeback", false, settings::to_string(problem));
      if (code == ExitCode::ok) code = ExitCode::refused;
    }
    for (const auto& problem : prepared.broken) {
      say("writeback", false, settings::to_string(problem));
      code = ExitCode::bad_config;
    }
    if (prepared.error) {
      say("writeback", false, prepared.error->message);
      if (code == ExitCode::ok) code = exit_code_of(*prepared.error);
    } else if (prepared.statements > 0 && prepared.broken.empty() && prepared.forbidden.empty()) {
      say("writeback", true, "PostgreSQL would take each statement");
    }
  }

  asio::io_context context(1);
  Probe result;
  {
    http::Client client(context.get_executor(), client_options(settings));
    asio::co_spawn(context,
                   probe(&client, dialect.get(), std::string(settings.stibee.api_key.reveal()), &result),
                   [&](std::exception_ptr error) {
                     client.cancel();
                     if (error) std::rethrow_exception(error);
                   });
    context.run();
  }
  say("stibee", result.code == ExitCode::ok, result.text);
  if (code == ExitCode::ok) code = result.code;

  if (options.json) {
    json::Value report;
    report.set("version", 1);
    report.set("ok", code == ExitCode::ok);
    report.set("checks", json::Value(std::move(lines)));
    std::cout << json::to_pretty_string(report) << "\n";
  }
  return code;
}

}  // namespace stibee_sync::app

// A model on a clock the test moves, with shorthand for calls.
#pragma once

#include "stibee_sim/model/stibee_model.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace stibee_sim::testing {

namespace json = boost::json;

inline SimTime noon() {
  return SimTime{std::chrono::seconds{1767225600}};
}  // 2026-01-01 00:00:00 UTC

inline Setup two_lists() {
  Setup setup;
  setup.lists = {ListSetup{"1234", {{77, "gold"}, {78, "silver"}}, ""}, ListSetup{"5678", {}, ""}};
  setup.fields = {{"name", FieldKind::Text},
                  {"phone", FieldKind::Text},
                  {"birthday", FieldKind::Date},
                  {"joined", FieldKind::DateTime}};
  return setup;
}

class ModelTest : public ::testing::Test {
 protected:
  HttpAnswer call(std::string method, std::string target, std::string body) {
    return call_with_key(std::move(method), std::move(target), std::move(body), "sim-key");
  }

  HttpAnswer call_with_key(std::string method, std::string target, std::string body, std::string key) {
    // A second apart, so that only the tests about limits meet them.
    now += std::chrono::seconds{1};
    return call_now(std::move(method), std::move(target), std::move(body), std::move(key));
  }

  HttpAnswer call_now(std::string method, std::string target, std::string body, std::string key = "sim-key") {
    return model.handle(request(std::move(method), std::move(target), std::move(body), std::move(key)), now);
  }

  static HttpCall request(std::string method, std::string target, std::string body,
                          std::string key = "sim-key") {
    HttpCall http;
    http.method = std::move(method);
    http.target = std::move(target);
    http.headers = {{"accesstoken", std::move(key)}, {"Content-Type", "application/json"}};
    http.body = std::move(body);
    return http;
  }

  HttpAnswer v1_subscribe(const std::string& people, const std::string& more = "") {
    return call(
        "POST", "/v1/lists/1234/subscribers",
        R"({"eventOccurredBy":"MANUAL","confirmEmailYN":"N")" + more + R"(,"subscribers":)" + people + "}");
  }

  HttpAnswer v1_by_subscriber(const std::string& people, const std::string& confirm = "N") {
    return call("POST", "/v1/lists/1234/subscribers",
                R"({"eventOccurredBy":"SUBSCRIBER","confirmEmailYN":")" + confirm + R"(","subscribers":)" +
                    people + "}");
  }

  HttpAnswer v1_unsubscribe(const std::string& addresses) {
    return call("PUT", "/v1/lists/1234/subscribers/unsubscribe", addresses);
  }

  HttpAnswer v1_delete(const std::string& addresses) {
    return call("DELETE", "/v1/lists/1234/subscribers", addresses);
  }

  HttpAnswer control(std::string method, std::string target, std::string body = "") {
    return model.control(request(std::move(method), std::move(target), std::move(body)), now);
  }

  Person person(const std::string& address) {
    const auto found = model.find("1234", address);
    if (!found) {
      ADD_FAILURE() << address << " is not in the list";
      return {};
    }
    return *found;
  }

  bool in_list(const std::string& address) { return model.find("1234", address).has_value(); }

  // The addresses in one result list of a v1 or v2 answer.
  static std::vector<std::string> in_result(const HttpAnswer& answer, std::string_view result) {
    std::vector<std::string> addresses;
    const auto body = json::parse(answer.body);
    const auto& top = body.as_object();
    const auto* lists = top.if_contains("Value");
    const auto& object = lists != nullptr && lists->is_object() ? lists->as_object() : top;
    const auto* list = object.if_contains(result);
    if (list == nullptr || !list->is_array()) return addresses;
    for (const auto& item : list->as_array()) {
      const auto& text = item.is_object() ? item.as_object().at("email").as_string() : item.as_string();
      addresses.emplace_back(text.c_str());
    }
    return addresses;
  }

  static bool v1_ok(const HttpAnswer& answer) { return json::parse(answer.body).at("Ok").as_bool(); }
  static std::string v1_code(const HttpAnswer& answer) {
    return json::parse(answer.body).at("Error").at("Code").as_string().c_str();
  }
  static std::string v2_code(const HttpAnswer& answer) {
    return json::parse(answer.body).at("code").as_string().c_str();
  }

  static std::string many(std::size_t count, const std::string& prefix = "u") {
    std::string people = "[";
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) people += ',';
      people += R"({"email":")" + prefix + std::to_string(i) + R"(@example.com"})";
    }
    return people + "]";
  }

  SimTime now = noon();
  StibeeModel model{two_lists()};
};

using Addresses = std::vector<std::string>;

}  // namespace stibee_sim::testing

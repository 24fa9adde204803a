#include "openapi/speaker.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>

#include <gtest/gtest.h>

// Our requests and the simulator's answers, held against Stibee's own OpenAPI document by a validator that is
// not ours. The document is not part of this project: STIBEE_OPENAPI names the file, and without it the check
// is skipped. A document of our own, with calls that are wrong on purpose, shows that the check can fail.

namespace stibee_sync::openapi {
namespace {

class OpenApi : public ::testing::Test {
 protected:
  OpenApi() {
    std::string pattern = "/tmp/stibee-openapi-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~OpenApi() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    const auto path = directory_ / name;
    std::ofstream(path) << text;
    return path;
  }

  /// Runs the check; its words are in `said_`. 77: the validator is not there.
  int check(const std::filesystem::path& document, const std::filesystem::path& recording,
            const std::string& expect = "") {
    const auto output = directory_ / "said";
    const std::string command = std::string("python3 '") + STIBEE_OPENAPI_CHECK + "' --expect '" + expect +
                                "' '" + document.string() + "' '" + recording.string() + "' >'" +
                                output.string() + "' 2>&1";
    const int status = std::system(command.c_str());
    std::ifstream file(output);
    said_.assign(std::istreambuf_iterator<char>(file), {});
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::filesystem::path directory_;
  std::string said_;
};

TEST_F(OpenApi, EveryCallAndAnswerIsAsStibeesDocumentSays) {
  const char* document = std::getenv("STIBEE_OPENAPI");
  if (document == nullptr || *document == '\0') GTEST_SKIP() << "skipped: STIBEE_OPENAPI is not set";
  const auto recording = write("calls", speak_all_of_v2());
  const int code =
      check(document, recording,
            "addSubscriber,batchAddSubscribers,sendDoubleOptin,updateSubscriber,unsubscribeSubscriber,"
            "deleteSubscribers,getSubscribers,getSubscriberCount,assignGroup,releaseGroup,getGroups,"
            "createGroup");
  if (code == 77) GTEST_SKIP() << said_;
  EXPECT_EQ(code, 0) << said_;
  std::cout << said_;
}

constexpr const char* small_document = R"(openapi: 3.0.3
paths:
  /lists/{id}/people:
    post:
      operationId: addPerson
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer}}
        - {name: dry, in: query, schema: {type: boolean}}
      requestBody:
        content:
          application/json: {schema: {$ref: '#/components/schemas/Person'}}
      responses:
        '200': {content: {application/json: {schema: {$ref: '#/components/schemas/Added'}}}}
components:
  schemas:
    Person:
      type: object
      required: [email]
      properties: {email: {type: string}, status: {type: string, enum: [subscribed]}}
    Added:
      type: object
      required: [created]
      properties: {created: {type: array, items: {type: string}, nullable: true}}
    ErrorResponse: {type: object, required: [code], properties: {code: {type: string}}}
)";

std::string call(const std::string& target, const std::string& request, int status,
                 const std::string& response) {
  stibee_sim::Exchange exchange;
  exchange.method = "POST";
  exchange.target = target;
  exchange.request_type = "application/json";
  exchange.request = request;
  exchange.status = status;
  exchange.response_type = "application/json; charset=utf-8";
  exchange.response = response;
  return stibee_sim::exchange_line(exchange) + "\n";
}

TEST_F(OpenApi, CheckTakesWhatIsAsDocumented) {
  const auto document = write("document", small_document);
  const auto good = call("/lists/1/people?dry=true", R"({"email":"a","status":"subscribed"})", 200,
                         R"({"created":null,"more":1})") +
                    call("/lists/1/people", R"({"email":"a"})", 400, R"({"code":"x"})");
  const int code = check(document, write("good", good), "addPerson");
  if (code == 77) GTEST_SKIP() << said_;
  EXPECT_EQ(code, 0) << said_;
}

TEST_F(OpenApi, CheckFindsWhatIsNot) {
  const auto document = write("document", small_document);
  const std::string fine = R"({"email":"a"})";
  const std::string added = R"({"created":[]})";
  const std::pair<std::string, std::string> wrong[] = {
      {call("/lists/1/peeple", fine, 200, added), "no such operation"},
      {call("/lists/x/people", fine, 200, added), "the parameter id"},
      {call("/lists/1/people?dri=true", fine, 200, added), "the parameter dri"},
      {call("/lists/1/people?dry=maybe", fine, 200, added), "the parameter dry"},
      {call("/lists/1/people", R"({"status":"subscribed"})", 200, added), "'email' is a required property"},
      {call("/lists/1/people", R"({"email":"a","status":"gone"})", 200, added), "'gone' is not one of"},
      {call("/lists/1/people", R"({"email":"a","statos":"subscribed"})", 200, added), "'statos'"},
      {call("/lists/1/people", "{", 200, added), "the body is no JSON"},
      {call("/lists/1/people", fine, 200, R"({"created":[1]})"), "is not of type 'string'"},
      {call("/lists/1/people", fine, 200, "ok"), "the answer is no JSON"},
      {call("/lists/1/people", fine, 202, added), "the status 202"},
      {call("/lists/1/people", fine, 400, R"({"message":"x"})"), "'code' is a required property"}};
  for (const auto& [line, word] : wrong) {
    const int code = check(document, write("wrong", line));
    if (code == 77) GTEST_SKIP() << said_;
    EXPECT_EQ(code, 1) << line;
    EXPECT_NE(said_.find(word), std::string::npos) << said_;
  }
  EXPECT_EQ(check(document, write("good", call("/lists/1/people", fine, 200, added)), "addPerson,other"), 1);
  EXPECT_NE(said_.find("other was never used"), std::string::npos) << said_;
}

}  // namespace
}  // namespace stibee_sync::openapi

#include "v1.hpp"

namespace stibee_sync::delivery {

namespace {

class V1 final : public Dialect {
 public:
  explicit V1(V1Options options) : options_(options) {}

  std::size_t max_people(const domain::Operation& operation) const override {
    return v1::max_people(operation, options_);
  }
  std::size_t max_address_length() const override { return domain::EmailAddress::max_length_v1; }
  bool can_resubscribe() const override { return true; }
  LimiterClass limiter_class(const domain::Operation&, std::size_t) const override {
    return LimiterClass::All;
  }

  PackedCall pack(std::int64_t list_id, const std::vector<Recipient>& recipients) const override {
    return v1::pack(list_id, recipients, options_);
  }
  CallResult read(const std::vector<Recipient>& recipients, const ApiAnswer& answer) const override {
    return v1::read(recipients, answer);
  }
  ApiRequest probe() const override {
    ApiRequest request;
    request.endpoint = Endpoint::Lists;
    request.limiter_class = LimiterClass::All;
    request.method = "GET";
    request.target = "/v1/lists";
    return request;
  }
  CallResult read_probe(const ApiAnswer& answer) const override { return v1::read_probe(answer); }

 private:
  V1Options options_;
};

}  // namespace

std::unique_ptr<Dialect> make_v1(V1Options options) {
  return std::make_unique<V1>(options);
}

}  // namespace stibee_sync::delivery

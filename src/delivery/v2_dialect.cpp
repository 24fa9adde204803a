#include "envelope.hpp"
#include "result_lists.hpp"
#include "stibee_sync/delivery/v2_reading.hpp"
#include "v2.hpp"

namespace stibee_sync::delivery {

namespace {

class V2 final : public Dialect {
 public:
  explicit V2(V2Options options) : options_(options) {}

  std::size_t max_people(const domain::Operation& operation) const override {
    return v2::max_people(operation, options_);
  }
  std::size_t max_address_length() const override { return domain::EmailAddress::max_length_v2; }
  bool can_resubscribe() const override { return false; }
  bool groups_with_subscribe() const override { return false; }
  bool consent_alone() const override { return true; }
  LimiterClass limiter_class(const domain::Operation& operation, std::size_t people) const override {
    return v2::is_bulk(operation, people) ? LimiterClass::Bulk : LimiterClass::Other;
  }

  PackedCall pack(std::int64_t list_id, const std::vector<Recipient>& recipients) const override {
    return v2::pack(list_id, recipients, options_);
  }
  CallResult read(const std::vector<Recipient>& recipients, const ApiAnswer& answer) const override {
    return v2::read(recipients, answer);
  }
  ApiRequest probe() const override { return v2::auth_check_request(); }
  CallResult read_probe(const ApiAnswer& answer) const override { return v2::read_auth_check(answer); }

 private:
  V2Options options_;
};

}  // namespace

std::unique_ptr<Dialect> make_v2(V2Options options) {
  return std::make_unique<V2>(options);
}

}  // namespace stibee_sync::delivery

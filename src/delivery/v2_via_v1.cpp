#include "stibee_sync/delivery/dialect.hpp"

namespace stibee_sync::delivery {

namespace {

// v2 with v1's one call that subscribes somebody again.
class V2ViaV1 final : public Dialect {
 public:
  V2ViaV1() : v1_(make_v1()), v2_(make_v2()) {}

  std::size_t max_people(const domain::Operation& operation) const override {
    return by(operation).max_people(operation);
  }
  std::size_t max_address_length() const override { return v2_->max_address_length(); }
  bool can_resubscribe() const override { return true; }
  bool groups_with_subscribe() const override { return v2_->groups_with_subscribe(); }
  bool consent_alone() const override { return v2_->consent_alone(); }
  LimiterClass limiter_class(const domain::Operation& operation, std::size_t people) const override {
    return by(operation).limiter_class(operation, people);
  }
  PackedCall pack(std::int64_t list_id, const std::vector<Recipient>& recipients) const override {
    return of(recipients).pack(list_id, recipients);
  }
  CallResult read(const std::vector<Recipient>& recipients, const ApiAnswer& answer) const override {
    return of(recipients).read(recipients, answer);
  }
  ApiRequest probe() const override { return v2_->probe(); }
  CallResult read_probe(const ApiAnswer& answer) const override { return v2_->read_probe(answer); }

 private:
  const Dialect& by(const domain::Operation& operation) const {
    return operation.kind == domain::OperationKind::Resubscribe ? *v1_ : *v2_;
  }
  const Dialect& of(const std::vector<Recipient>& recipients) const {
    return recipients.empty() ? *v2_ : by(recipients.front().operation);
  }

  std::unique_ptr<Dialect> v1_;
  std::unique_ptr<Dialect> v2_;
};

}  // namespace

std::unique_ptr<Dialect> make_v2_resubscribing_via_v1() {
  return std::make_unique<V2ViaV1>();
}

}  // namespace stibee_sync::delivery

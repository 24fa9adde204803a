// One list: its people, fields and groups.
#pragma once

#include "stibee_model.hpp"

#include <array>
#include <unordered_map>

namespace stibee_sim {

// What stays of a person. A purged one stays as a tombstone, so that a repeated call can be told from a new
// one.
struct Record {
  std::string address;  // as first given
  Status status = Status::Subscribed;
  bool present = true;
  bool ad_agreed = false;
  std::vector<std::pair<std::uint32_t, std::string>> fields;  // field number, value
  std::vector<std::uint64_t> groups;                          // ascending
  SimTime created;
  SimTime modified;
  unsigned mails = 0;
  unsigned life = 0;                   // counts how often the address was created
  std::vector<std::uint64_t> applied;  // hashes of the operations applied so far
};

struct Group {
  std::string name;
  SimTime created;
};

enum class Order { Created, Email, Unstable };

using FieldValues = std::vector<std::pair<std::uint32_t, std::string>>;

class ListState {
 public:
  ListState(const Setup& setup, const ListSetup& list);

  // nothing: the list has no such field
  std::optional<std::uint32_t> field(std::string_view tag);
  const Field& field_at(std::uint32_t number) const { return fields_[number]; }
  const std::vector<Field>& fields() const { return fields_; }

  void set_exact_case(bool exact) { exact_case_ = exact; }  // before anybody is added
  std::string key(std::string_view address) const;
  Record* find(std::string_view address);  // present people only
  const Record* find(std::string_view address) const;
  Record* trace(std::string_view address);  // purged ones too
  Record& create(std::string_view address, SimTime now);
  void purge(Record& record, SimTime now);
  void rename(Record& record, const std::string& address, SimTime now);
  void touch(Record& record, SimTime now);

  // Each returns whether anything became different.
  bool set_fields(Record& record, const FieldValues& values);
  bool set_status(Record& record, Status status);
  bool set_consent(Record& record, bool agreed);
  bool add_group(Record& record, std::uint64_t group);
  bool drop_group(Record& record, std::uint64_t group);

  std::size_t size() const { return present_; }
  // People in any of the statuses (a bit for each Status; bit 4: purged), in the order asked for. Valid until
  // the next change.
  const std::vector<const Record*>& select(unsigned statuses, Order order, std::uint64_t seed);
  std::vector<const Record*> by_address() const;
  std::array<std::uint64_t, 4> by_status() const;
  Person person(const Record& record) const;

  std::map<std::uint64_t, Group>& groups() { return groups_; }
  const std::map<std::uint64_t, Group>& groups() const { return groups_; }
  std::uint64_t free_group_id() const;

  std::string webhook_url;

 private:
  bool exact_case_ = false;
  bool any_field_;
  std::vector<Field> fields_;
  std::unordered_map<std::string, Record> records_;
  // In order of creation; an entry of an earlier life of its person is stale.
  struct Born {
    const Record* record;
    unsigned life;
  };
  std::vector<Born> order_;
  std::size_t present_ = 0;
  std::map<std::uint64_t, Group> groups_;
  // Pages are cut from this: selecting anew for each page of a million people would take seconds.
  std::vector<const Record*> selection_;
  std::uint64_t version_ = 1;
  std::uint64_t selected_version_ = 0;
  unsigned selected_statuses_ = 0;
  Order selected_order_ = Order::Created;
};

inline constexpr unsigned purged_bit = 1U << 4U;
inline unsigned status_bit(Status status) {
  return 1U << static_cast<unsigned>(status);
}

}  // namespace stibee_sim

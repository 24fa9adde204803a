#pragma once

#include "stibee_sync/store/list_scan.hpp"
#include "stibee_sync/store/scan.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// What a read stages, as bytes. Sort keys order as bytes in the order of the values.
namespace stibee_sync::store {

/// One staged row; sorted by its key.
struct RowRecord {
  domain::MemberKey key;
  bool gone = false;
  bool existed = false;    // the snapshot has a row with this key
  bool unchanged = false;  // … and it says exactly the same
  domain::Fingerprint fingerprint;
  std::optional<std::string> email;
  std::optional<std::string> old_email;  // of the snapshot's row
  bool subscribed = true;
  std::string rejection;
  std::string rejected_column;

  /// Bears another address than before, so that two decisions depend on it.
  bool moves() const { return email && old_email && *email != *old_email; }
};

/// That a row concerns an address; sorted by address, then key.
struct AddressEvent {
  std::string email;
  enum class Kind : std::uint8_t {
    Touched,  // no row: the address is to be decided anyway
    Left,     // the row bore the address before
    Bears     // the row bears the address now
  } kind = Kind::Touched;
  domain::MemberKey key;
  bool moves = false;
  bool gone = false;       // Left: there is no such row any more
  bool subscribed = true;  // what the row says now
  bool rejected = false;
  bool base_shadowed = false;  // the flag that the snapshot's row will have once the rows are applied
  std::optional<bool> was_subscribed;
  bool steady = false;  // the snapshot has the row, with this address and this word, and is not shadowed
  std::optional<domain::Member> member;
};

/// A read is taken over in this order, in parts that are a transaction each; the process may die between any
/// two of them, and other work on the store comes in between.
enum class Stage : std::uint8_t {
  Bound,    // what removes or moves somebody, changes the table's word about them, or whose rows share an
            // address: rows and decisions together, and both addresses of a row that moves
  Updates,  // decisions about rows that stay as they are but for their values: the mirror is torn until the
            // rows follow
  Rows,     // by key. New ones come before they are decided: the mirror is torn until they are
  Adds,     // decisions about new rows, in address order
  Late,     // as `Bound`, of people who have another address at Stibee: whom the table adds under that one is
            // not silenced
  Done
};

/// What was decided for an address, with what has to be known to apply it.
struct DecisionRecord {
  std::string email;
  ledger::AddressDecision decision;
  int change_class = 0;
  bool touched = false;  // had a Touched event
  struct Row {
    domain::MemberKey key;
    bool moves = false;
  };
  std::optional<domain::Fingerprint> item;  // by which it is told in a held set
  std::vector<Row> rows;                    // the staged rows that concern the address
  struct Shadow {
    domain::MemberKey key;
    bool shadowed = false;
  };
  std::vector<Shadow> shadows;  // flags to be set
  Stage stage = Stage::Bound;
  std::size_t number = 0;  // in address order; not stored
};

void append_sort_key(std::string& out, const domain::MemberKey& key);
domain::MemberKey key_from_sort_key(std::string_view bytes);
/// Address and key; the address ends at the first NUL, which no address has.
void append_sort_key(std::string& out, std::string_view email, const domain::MemberKey& key);
std::string_view email_of_sort_key(std::string_view bytes);

void append_payload(std::string& out, const RowRecord& record);
RowRecord row_record(std::string_view sort_key, std::string_view payload);
void append_payload(std::string& out, const AddressEvent& event);
AddressEvent address_event(std::string_view sort_key, std::string_view payload);
/// One of a list that was read; sorted by address.
void append_payload(std::string& out, const Listed& listed);
Listed listed_record(std::string_view payload);
void append_record(std::string& out, const DecisionRecord& record);
DecisionRecord decision_record(std::string_view bytes);
/// The same without reading the rest.
Stage stage_of_record(std::string_view bytes);

}  // namespace stibee_sync::store

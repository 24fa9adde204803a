// Whatever stands in a row of the state file, reading it ends in a person, or says that the file is damaged;
// a person who was read is written and read again as they were. And so are the rows that a read stages. An
// input is a value for each column.
#include "disk/temporary_directory.hpp"
#include "fuzz/fuzzing.hpp"
#include "store/ledger_table.hpp"
#include "store/scan_record.hpp"
#include "store/schema.hpp"
#include "store/sqlite.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>

namespace {

using namespace stibee_sync;
using namespace stibee_sync::store;
using fuzzing::Bytes;
using fuzzing::require;

std::string marks(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += i == 0 ? "?" : ", ?";
  return text;
}

/// One file for all inputs: each is a transaction that is rolled back.
class World {
 public:
  World() {
    std::ofstream(file_).close();
    connection_.emplace(file_, Connection::Mode::ReadWrite);
    migrate(*connection_, migration_steps());
    table_.emplace(*connection_, key_);
    row_.emplace(*connection_, "INSERT INTO subscriber (mirror, email, " + std::string(row_columns) +
                                   ") VALUES (1, 'a@x.kr', " + marks(row_column_count) + ")");
    more_.emplace(*connection_, "INSERT INTO subscriber_more (mirror, email, " + std::string(more_columns) +
                                    ") VALUES (1, 'a@x.kr', " + marks(more_column_count) + ")");
  }

  void run(Bytes& input) {
    connection_->execute("BEGIN");
    try {
      const bool stored = fill(*row_, row_column_count, input) && fill(*more_, more_column_count, input);
      if (stored) check();
    } catch (const StoreFailure& failure) {
      require(failure.kind() == Failure::Damaged, "what cannot be is damage");
    }
    row_->reset();
    more_->reset();
    connection_->roll_back();
    table_.emplace(*connection_, key_);  // it keeps count
  }

 private:
  /// False: SQLite itself refuses the row.
  static bool fill(Statement& statement, int columns, Bytes& input) {
    for (int i = 1; i <= columns; ++i) {
      switch (const auto kind = input.byte(); kind % 8) {
        case 0:
          statement.bind_null(i);
          break;
        case 1:
          statement.bind(i, input.integer());
          break;
        case 2:
        case 3:
          statement.bind(i, input.text());
          break;
        case 4: {
          const auto bytes = input.text();
          statement.bind(i, std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
          break;
        }
        case 5: {  // a fingerprint
          const auto bytes = input.take(16);
          statement.bind(i, std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
          break;
        }
        default:
          statement.bind(i, std::int64_t{kind / 8 % 4});
      }
    }
    try {
      statement.run();
    } catch (const StoreFailure&) {
      return false;  // a constraint
    }
    return true;
  }

  void check() {
    const MirrorId mirror{1};
    auto row = table_->find(mirror, "a@x.kr");
    require(row.has_value(), "a row that is there is found");
    if (!row->parked) row->parked_since = {};  // nobody asks
    if (row->lane && row->attempts == 0 && row->pending_since == row->due) row->pending_since = row->due;
    table_->write(mirror, "b@x.kr", nullptr, *row);
    table_->write_out();
    require(table_->find(mirror, "b@x.kr") == row, "who was read is written and read as they were");
    read_everything(*connection_);
  }

  test_disk::TemporaryDirectory temporary_;
  std::filesystem::path file_ = temporary_.path() / "some.sqlite";
  domain::StateKey key_{domain::StateKey::Bytes{}};
  std::optional<Connection> connection_;
  std::optional<LedgerTable> table_;
  std::optional<Statement> row_, more_;
};

template <typename Record>
std::string payload_of(const Record& record) {
  std::string bytes;
  append_payload(bytes, record);
  return bytes;
}

/// Reads it, writes it, and reads it again: the bytes are the same from then on.
void check_staged(std::string_view bytes) {
  std::string sort_key;
  append_sort_key(sort_key, "a@x.kr", domain::MemberKey(std::int64_t{7}));
  const auto each = [&](auto read, auto write) {
    std::string once;
    try {
      once = write(read(bytes));
    } catch (const StoreError&) {
      return;
    }
    require(write(read(once)) == once, "a staged row is read as it was written");
  };
  each([&](std::string_view b) { return row_record(sort_key, b); }, payload_of<RowRecord>);
  each([&](std::string_view b) { return address_event(sort_key, b); }, payload_of<AddressEvent>);
  each([&](std::string_view b) { return listed_record(b); }, payload_of<Listed>);
  each([&](std::string_view b) { return decision_record(b); },
       [](const DecisionRecord& record) {
         std::string out;
         append_record(out, record);
         return out;
       });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  const auto text = fuzzing::text_of(data, size);
  Bytes input(text);
  world.run(input);
  check_staged(text);
  return 0;
}

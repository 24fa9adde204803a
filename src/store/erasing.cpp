#include "stibee_sync/store/transaction.hpp"
#include "store/row_codec.hpp"
#include "store/tables.hpp"
#include "store/work.hpp"

// How somebody is taken out of the tables that name them beside the ledger.
namespace stibee_sync::store {

bool Transaction::erase_address(MirrorId mirror, const domain::EmailAddress& address) {
  const auto& email = address.text();
  auto& connection = *work_->tables.connection;
  bool erased = false;
  for (const std::string_view sql : {
           "DELETE FROM member WHERE mirror = ?1 AND key IN (SELECT key FROM member_address WHERE mirror = "
           "?1 "
           "AND email = ?2) RETURNING 1",
           "DELETE FROM member_address WHERE mirror = ?1 AND email = ?2 RETURNING 1",
           "DELETE FROM held_person WHERE mirror = ?1 AND email = ?2 RETURNING 1",
           "DELETE FROM touched_address WHERE mirror = ?1 AND email = ?2 RETURNING 1",
           "DELETE FROM writeback WHERE mirror = ?1 AND (email = ?2 OR new_email = ?2) RETURNING 1",
       }) {
    Statement statement(connection, sql);
    statement.bind(1, mirror.number).bind(2, email);
    while (statement.step())
      erased = true;
  }
  return erased;
}

}  // namespace stibee_sync::store

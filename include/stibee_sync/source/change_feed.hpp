#pragma once

#include "stibee_sync/source/feed_snapshot.hpp"
#include "stibee_sync/source/source.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stibee_sync::source {

/// How closely a drain looks before it reads.
enum class FeedLook {
  Closely,    // whether the feed is whole, and whether anything waits
  ForKeys,    // only whether anything waits: as little as can be asked
  Expecting,  // not at all: something is said to wait
};

/// Whose changes: `mirror` gives the feed its name, a table in the schema `stibee_syncd`. It is of lower-case
/// letters, digits, `_` and `-`, at most 40.
struct FeedPlan {
  ReadPlan read;
  std::string mirror;
  FeedLook look = FeedLook::Closely;  // of a drain
};

/// Why the plan cannot have a feed whatever the database looks like (a `query`), with the cure; nullopt: it
/// may. Pure.
std::optional<std::string> why_no_feed(const ReadPlan& plan);

/// What the database says of the place where a feed is to be, or is.
struct FeedSite {
  std::string mirror;
  /// Why there can be none (a view, say), with the cure; "": there can. The rest is empty then.
  std::string refusal;
  std::string table;                   // as SQL: "public"."members"
  std::vector<std::string> relations;  // as SQL: the table, then its partitions and children, parents first
  std::string key;                     // as SQL
  std::string key_type;                // of the feed's column, as SQL: bigint, text COLLATE "C", uuid
  std::string owner;                   // of the table, by name
  std::string role;                    // that reads, by name
  bool notifies = true;                // false: two-phase commits are in use, which a NOTIFY would break
};
/// SQL, with comments for who reviews it, that makes the feed of this site in one transaction, whatever there
/// was of it before; to be run by the table's owner. Pure; `site` has no refusal.
std::string feed_sql(const FeedSite& site);
/// SQL that removes all of a mirror's feed, and of the schema when it was the last. Pure.
std::string feed_removal_sql(const std::string& mirror);

/// What a drain found. `feed.ids` are what `discard` takes when all changes have been committed.
struct FeedReport {
  FeedSnapshot feed;  // without loss
  /// False: nothing waits, and whether the feed is whole was not asked; `feed` is empty.
  bool looked_closely = true;
  /// As of a read, in the same snapshot as the rows. nullopt: nothing waited, or `feed.everything`, and no
  /// sink was called.
  std::optional<ReadShape> shape;
  std::size_t keys = 0;  // distinct; each was one call of the sink
  /// How long it took to read what waits. Much for little: somebody's old transaction keeps the feed from
  /// being vacuumed; then pause longer.
  std::chrono::milliseconds feed_read{0};
  /// Its age, where it hinders and the role may see it.
  std::optional<std::chrono::seconds> oldest_transaction;
  std::chrono::milliseconds elapsed{0};
};

/// One call for each key, in the order of `Reader::read`; where the source has several rows of a key, which
/// is the caller's to refuse, as many. `key` is as a row's line begins with it; `line` is the row in the same
/// form as Reader delivers it, nothing if there is no such row (or it does not match `where`). Both are valid
/// during the call. A throw ends the drain at once and passes through.
using ChangeSink = std::function<void(std::string_view key, std::optional<std::string_view> line)>;

/// Takes changes out of the feeds, on a connection of its own. Blocking; used by one thread at a time;
/// `cancel` may be called from any. After any SourceError the connection is thrown away.
class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;
  /// Looks at the table, reads nothing. A mapping that does not fit it is an error, as by Reader::describe.
  virtual std::variant<FeedSite, SourceError> inspect(const FeedPlan& plan) = 0;
  /// One REPEATABLE READ READ ONLY transaction, which has ended when this returns: whether the feed is whole,
  /// the changes that wait, and their rows. More than `most_keys` keys: `everything`. Takes nothing out.
  /// Where nothing waits it costs two statements, or one (`ForKeys`), and no transaction, unless something
  /// was expected. Sinks' throws pass through, and cost the connection.
  virtual std::variant<FeedReport, FeedLoss, SourceError> drain(const FeedPlan& plan, std::size_t most_keys,
                                                                const ShapeSink& shape,
                                                                const ChangeSink& change) = 0;
  /// Takes exactly these out, in short transactions of at most 10,000. What fails is covered by the next
  /// drain; ids that are there no more do no harm.
  virtual std::optional<SourceError> discard(const std::string& mirror,
                                             const std::vector<std::int64_t>& ids) = 0;
  /// As of Reader.
  virtual void cancel() = 0;
};

std::unique_ptr<ChangeFeed> make_postgres_change_feed(Connection connection);

/// Hears of changes, for all mirrors with a feed, on a connection and a thread of its own: it LISTENs, never
/// within a transaction, and connects anew for ever, with backoff. A hint only: who hears nothing polls.
class FeedListener {
 public:
  enum class Why {
    Notified,   // something was committed
    Connected,  // it hears (again), or knows now that it will not: what came meanwhile was unheard
    Lost,       // it hears no more, or could not be connected at first
    Asleep,     // `asleep` has been done: who committed up to now may have kept silent
  };
  /// Called on the listener's thread, for each mirror that it concerns; quick, throws nothing.
  using Wake = std::function<void(const std::string& mirror, Why why)>;

  /// Ends the thread, within 2 s whatever the server does.
  virtual ~FeedListener() = default;
  /// While a mirror is awake its writers send nothing, for NOTIFY makes them commit one after another: say so
  /// when a drain found something and goes on draining. Neither call blocks; of what is said in quick
  /// succession, the last counts. What cannot be said leaves writers notifying.
  virtual void awake(const std::string& mirror) = 0;
  /// They notify again; done when `wake` is called with Asleep: drain once more then (an empty drain is no
  /// reason to be awake again). Where nothing hears, that call comes all the same.
  virtual void asleep(const std::string& mirror) = 0;
  /// Whether notifications arrive: proved by one from another connection at each connect.
  virtual bool listens() const = 0;
  /// Why not, and what can be done; "" if it listens, or nobody knows yet. One line, sanitised. (A pooler in
  /// transaction mode, a standby, a server with two-phase commits, no connection.)
  virtual std::string trouble() const = 0;
};

/// Starts the thread at once. `connection.connect_timeout` bounds each attempt.
std::unique_ptr<FeedListener> make_postgres_feed_listener(Connection connection,
                                                          std::vector<std::string> mirrors,
                                                          FeedListener::Wake wake);

/// A feed that plays a script: each `drain` takes the `next`. One that looks for keys alone sees of it only
/// whether there are ids.
struct ScriptedDrain {
  struct Change {
    std::string key;
    std::optional<std::string> line;
  };
  ReadShape shape;
  std::vector<std::int64_t> ids;
  std::vector<Change> changes;  // none, with ids or without: the sinks are not called
  bool everything = false;
  std::string fingerprint;
  std::uint64_t oldest_running = 0;
  std::uint64_t next_transaction = 0;
  std::optional<FeedLoss> loss;                 // instead of all else
  std::optional<SourceError> fails_after_rows;  // instead of a true end
};
class ScriptedFeed : public ChangeFeed {
 public:
  std::function<ScriptedDrain(const FeedPlan&)> next;
  std::function<std::optional<SourceError>(const std::string& mirror, const std::vector<std::int64_t>& ids)>
      on_discard;  // none: it succeeds
  std::variant<FeedSite, SourceError> inspect(const FeedPlan& plan) override;
  std::variant<FeedReport, FeedLoss, SourceError> drain(const FeedPlan& plan, std::size_t most_keys,
                                                        const ShapeSink& shape,
                                                        const ChangeSink& change) override;
  std::optional<SourceError> discard(const std::string& mirror,
                                     const std::vector<std::int64_t>& ids) override;
  void cancel() override { cancelled_ = true; }

 private:
  std::atomic<bool> cancelled_{false};
};

/// A listener that a test speaks for.
class ScriptedListener : public FeedListener {
 public:
  explicit ScriptedListener(Wake wake) : wake_(std::move(wake)) {}
  bool hears = true;
  std::string says;
  std::vector<std::string> told;  // "awake members", "asleep members", in order
  void wake(const std::string& mirror, Why why) { wake_(mirror, why); }
  void awake(const std::string& mirror) override { told.push_back("awake " + mirror); }
  /// Calls `wake` with Asleep at once.
  void asleep(const std::string& mirror) override;
  bool listens() const override { return hears; }
  std::string trouble() const override { return says; }

 private:
  Wake wake_;
};

}  // namespace stibee_sync::source

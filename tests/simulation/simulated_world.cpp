#include "simulation/simulated_world.hpp"

#include <algorithm>

namespace stibee_sync::simulation {

using namespace std::chrono_literals;

namespace {

constexpr const char* list = "1234";

// Later seeds also do what the daemon does not yet survive: answers that cannot be written down, because the
// disk is full or broken, and a wall clock that is days wrong.
constexpr std::uint64_t last_seed_of_today = 10'000;

const std::map<std::string, std::int64_t> grades = {{"gold", 11}, {"silver", 12}};

stibee_sim::Setup setup(std::uint64_t seed) {
  stibee_sim::Setup made;
  stibee_sim::ListSetup one;
  one.id = list;
  one.groups = {{11, "gold"}, {12, "silver"}, {99, "by hand"}};
  made.lists.push_back(one);
  made.seed = seed;
  return made;
}

// Seeds take turns.
Api api_of(std::uint64_t seed) {
  constexpr Api turns[] = {Api::V1, Api::V2, Api::V1, Api::Both};
  return turns[seed % std::size(turns)];
}

// So do they with the ways to find changes.
bool has_feed(std::uint64_t seed) {
  return seed / 4 % 2 == 1;
}

settings::Mirror mirror_settings(bool calm, bool feed) {
  settings::Mirror mirror;
  mirror.name = "members";
  mirror.list_id = 1234;
  mirror.source.table = "members";
  mirror.source.key = "id";
  mirror.source.email = "email";
  mirror.source.subscribed = "subscribed";
  mirror.source.groups = {"grade"};
  mirror.source.fields = {{"name", "name"}};
  mirror.groups = {{"gold", 11}, {"silver", 12}};
  // In calm times nothing changes any more, and reads are most of what a run costs.
  mirror.poll_interval = calm ? 5min : 5s;
  if (feed) mirror.detect = settings::Detect::Changefeed;
  mirror.full_scan_interval = calm ? 20min : 60s;
  // The guard has tests of its own; here everything is to flow.
  mirror.guard.max_removals = 1'000'000;
  mirror.guard.min_removals = 1'000'000;
  return mirror;
}

}  // namespace

SimulatedWorld::SimulatedWorld(std::uint64_t seed)
    : random_(seed),
      api_(api_of(seed)),
      far_end_{stibee_sim::StibeeModel(setup(seed)), {}},
      disk_(test_disk::disk_with_state()),
      disk_fails_(chance(0.3)),
      clock_steps_(chance(0.3)),
      mended_(seed > last_seed_of_today),
      has_feed_(has_feed(seed)),
      tells_lies_(has_feed_ && seed % 3 == 0) {
  // Sides of Stibee that nobody knows: each run meets another.
  const auto choose = [&](const char* name, std::initializer_list<const char*> values) {
    far_end_.model.set_switch(name, *(values.begin() + static_cast<std::ptrdiff_t>(pick(values.size()))));
  };
  choose("v1_groups_on_update", {"yes", "no"});
  choose("v1_person_detail", {"echo", "full", "email_only"});
  choose("v1_already_subscribed", {"error", "fail_exist_email", "update"});
  choose("v1_resubscribed_in", {"success", "update"});
  choose("v1_group_value", {"null", "missing", "empty_object", "success_list", "success_fail", "text"});
  choose("v1_plain_lists", {"strings", "objects"});
  choose("empty_lists", {"empty", "null", "missing"});
  choose("v1_error_keys", {"upper", "lower"});
  choose("v1_envelope_keys", {"upper", "lower"});
  choose("v2_code_prefix", {"yes", "no"});
  choose("v2_error_keys", {"lower", "upper"});
  choose("v2_error_message", {"yes", "no"});
  choose("v2_limit_namespace", {"documented", "list", "data"});
  choose("v2_ok", {"text", "json_string", "envelope"});
  choose("limit_answer", {"429_native", "429_empty", "200_v1", "503_html"});
  const auto people = 5 + pick(120);
  for (std::size_t i = 0; i < people; ++i) {
    TableRow row;
    row.email = new_address();
    row.subscribed = !chance(0.15);
    row.grade = chance(0.5) ? "gold" : (chance(0.5) ? "silver" : "");
    row.name = "N" + std::to_string(i);
    table_[next_key_++] = row;
  }
}

SimulatedWorld::~SimulatedWorld() {
  end_life();
}

std::string SimulatedWorld::new_address() {
  return "p" + std::to_string(next_address_++) + "@example.com";
}

// When the disk dies, and whether it fails before.
void SimulatedWorld::choose_fate() {
  using enum test_disk::SimulatedDisk::Moment;
  using enum test_disk::SimulatedDisk::Trouble;
  if (calm_) return;
  // A feed is only believed by whoever lives for a while.
  if (has_feed_ && chance(0.7)) return;
  if (chance(0.25)) {
    disk_->die_at(Operation, 1 + pick(200));
  } else {
    disk_->die_at(chance(0.5) ? BeforeSync : AfterSync, 1 + pick(40));
  }
  if (disk_fails_ && mended_ && chance(0.5)) begin_disk_trouble(pick(200));
}

void SimulatedWorld::begin_disk_trouble(std::size_t after) {
  using enum test_disk::SimulatedDisk::Trouble;
  constexpr test_disk::SimulatedDisk::Trouble troubles[] = {Full, Broken, Busy};
  const auto trouble = troubles[pick(std::size(troubles))];
  // Longer than a program waits for a lock, or not.
  disk_->fail(trouble, after, 1 + (trouble == Busy ? pick(500) : pick(8)));
}

void SimulatedWorld::set_wall_clock() {
  const auto most = mended_ ? std::chrono::minutes(24h * 40) : 30min;
  const auto minutes = static_cast<std::size_t>(most.count());
  wall_ahead_ = std::chrono::minutes(pick(2 * minutes + 1)) - most;
  if (life_) life_->clock().set_ahead(wall_ahead_);
}

void SimulatedWorld::start_life() {
  choose_fate();
  Surroundings around{far_end_,
                      *disk_,
                      [this] { return read_table(); },
                      mirror_settings(calm_, has_feed_),
                      random_(),
                      now_,
                      wall_ahead_,
                      "sim-key",
                      api_};
  around.first_part = 3;  // small tables are committed in parts, too
  if (has_feed_) {
    around.drain_feed = [this] { return drain_feed(); };
    around.discard_feed = [this](const auto& ids) { return discard(ids); };
  }
  life_ = std::make_unique<SimulatedDaemon>(std::move(around));
}

void SimulatedWorld::end_life() {
  if (life_) now_ = life_->clock().monotonic();
  count_missed();
  disk_->die();
  life_.reset();
  disk_->restart(random_);
  far_end_.client_gone(FarEnd::instant(now_));
}

void SimulatedWorld::pass(std::chrono::milliseconds time) {
  const auto until = (life_ ? life_->clock().monotonic() : now_) + time;
  for (;;) {
    try {
      if (!life_) start_life();
      life_->run_until(until);
      return;
    } catch (const Crash&) {
      ++crashes_;
    } catch (const store::StoreError&) {
      // A start that finds the disk broken ends, and is tried again.
      if (life_) throw;
    }
    end_life();
    now_ += std::chrono::milliseconds(pick(3000));
    if (now_ > until) return;
  }
}

void SimulatedWorld::change_table() {
  if (table_.empty() || chance(0.2)) {
    TableRow row;
    row.email = chance(0.1) ? "not an address" : new_address();
    row.name = "new";
    row.grade = chance(0.5) ? "gold" : "";
    table_[next_key_++] = row;
    return;
  }
  const auto any = [&] {
    return std::next(table_.begin(), static_cast<std::ptrdiff_t>(pick(table_.size())));
  };
  auto it = any();
  auto& row = it->second;
  switch (pick(9)) {
    case 0:
      row.name += "x";
      break;
    case 1:
      row.grade = row.grade == "gold" ? "silver" : (row.grade == "silver" ? "" : "gold");
      break;
    case 2: {
      const bool yes = !row.subscribed.value_or(false);
      row.subscribed = yes;
      // A yes after the no, seen by a read in between or not, lifts the no only if the daemon saw the change;
      // so such addresses are judged by the rule, not expected to be in one state.
      break;
    }
    case 3:
      row.subscribed = std::nullopt;
      break;
    case 4:
      table_.erase(it);
      break;
    case 5:
      row.email = new_address();
      break;
    case 6:
      std::swap(row.email, any()->second.email);
      break;
    case 7:
      row.email = any()->second.email;
      break;  // two rows, one address
    case 8:
      std::transform(row.email.begin(), row.email.end(), row.email.begin(), ::toupper);
      break;
    default:
      break;
  }
}

void SimulatedWorld::change_at_stibee() {
  if (table_.empty()) return;
  auto it = std::next(table_.begin(), static_cast<std::ptrdiff_t>(pick(table_.size())));
  auto parsed = domain::EmailAddress::parse(it->second.email);
  if (!std::holds_alternative<domain::EmailAddress>(parsed)) return;
  const auto address = std::get<domain::EmailAddress>(parsed).text();
  const auto person = far_end_.model.find(list, address);
  if (!person || person->status != stibee_sim::Status::Subscribed) return;
  stibee_sim::WebEdit edit;
  edit.list = list;
  edit.action = "unsubscribe";
  edit.emails = {address};
  edit.actor = "SUBSCRIBER";
  far_end_.model.edit(edit, sim_time(life_->clock()));
  said_no_at_stibee_.insert(address);
  ever_said_no_.insert(address);
}

void SimulatedWorld::random_faults() {
  static const char* const kinds[] = {"503",          "429",          "status_after", "ok_false",
                                      "refuse_batch", "html",         "drop_before",  "drop_after",
                                      "cut_body",     "garbage_body", "partial"};
  std::string plan = "{\"seed\":" + std::to_string(random_() % 1'000'000) + ",\"rules\":[";
  const auto rules = pick(4);
  for (std::size_t i = 0; i < rules; ++i) {
    if (i > 0) plan += ",";
    plan += std::string("{\"kind\":\"") + kinds[pick(std::size(kinds))] + "\",\"probability\":0." +
            std::to_string(1 + pick(5)) + "}";
  }
  if (chance(0.3)) {
    if (rules > 0) plan += ",";
    plan += "{\"kind\":\"omit_person\",\"probability\":0.2,\"apply\":true}";
  }
  plan += "]}";
  far_end_.model.set_faults(plan);
}

std::vector<std::string> SimulatedWorld::run() {
  for (int step = 0; step < 30; ++step) {
    random_faults();
    database_down_ = chance(0.1);
    // While it lasts no call is begun: so no answer meets it.
    if (disk_fails_ && !mended_ && chance(0.2) && far_end_.in_flight.empty()) begin_disk_trouble(0);
    if (clock_steps_ && chance(0.1)) set_wall_clock();
    pass(std::chrono::milliseconds(200 + pick(8000)));
    if (has_feed_ && chance(0.15)) disturb_feed();
    while (!open_.empty() && chance(0.5)) {
      const auto late = open_.begin() + static_cast<std::ptrdiff_t>(pick(open_.size()));
      const auto transaction = *late;
      open_.erase(late);
      commit(transaction);
    }
    for (std::size_t i = pick(5); i > 0; --i) {
      if (has_feed_) {
        write();
      } else {
        change_table();
      }
    }
    if (tells_lies_ && chance(0.1)) {
      auto silent = feed_.begin();
      silent.told = false;
      commit(silent);
      unheard_ = true;
    }
    if (life_ && chance(0.3)) change_at_stibee();
  }
  commit_all();
  feed_.switch_triggers(true);
  calm_ = true;
  database_down_ = false;
  far_end_.model.set_faults("{\"rules\":[]}");
  end_life();
  pass(1h);
  // Whom Stibee refused is parked until somebody looks at it: now.
  life_->retry("", "");
  pass(1h);
  return verdict();
}

std::string SimulatedWorld::journal() const {
  std::string text;
  for (const auto& call : far_end_.model.journal()) {
    text +=
        std::to_string(call.time.time_since_epoch().count()) + " " + call.target + " " + call.result + " ";
    for (const auto& address : call.addresses)
      text += address + ",";
    text += "\n";
  }
  return text;
}

std::string SimulatedWorld::story_of(const std::string& address) const {
  std::string text;
  for (const auto& call : far_end_.model.journal()) {
    if (std::find(call.addresses.begin(), call.addresses.end(), address) == call.addresses.end()) continue;
    text += std::to_string(call.time.time_since_epoch().count() / 1000) + " ms " + call.target + " " +
            std::to_string(call.people) + " people: " + std::to_string(call.status) + " " + call.result;
    for (const auto& [name, count] : call.counts)
      text += " " + name + "=" + std::to_string(count);
    text += "\n";
  }
  const auto join = [](const auto& groups) {
    std::string all;
    for (const auto id : groups)
      all += " " + std::to_string(id);
    return all;
  };
  if (const auto person = far_end_.model.find(list, address)) {
    text += "at Stibee: " + std::string(stibee_sim::status_name(person->status)) + ", groups" +
            join(person->groups);
    for (const auto& [tag, value] : person->fields)
      text += ", " + tag + " " + value;
    text += "\n";
  }
  const auto person = life_->store().find(life_->plan().id, domain::EmailAddress::from_normalised(address));
  if (const auto& row = person.row) {
    text += "ledger: wants " + std::string(domain::name(row->wanted.intent)) + ", groups" +
            join(row->wanted.groups) + "; confirmed " + std::string(domain::name(row->confirmed.status)) +
            ", groups" + join(row->confirmed.groups) + "; parked " + name(row->parked) + "\n";
  }
  for (const auto& [key, row] : table_) {
    const auto parsed = domain::EmailAddress::parse(row.email);
    const auto* same = std::get_if<domain::EmailAddress>(&parsed);
    if (same != nullptr && same->text() == address)
      text += "row " + std::to_string(key) + ": " + row.name + " " + row.grade + "\n";
  }
  return text;
}

std::string SimulatedWorld::parked_of(const std::string& address) const {
  const auto entry = life_->store().find(life_->plan().id, domain::EmailAddress::from_normalised(address));
  return entry.row ? name(entry.row->parked) : std::string();
}

bool SimulatedWorld::has_unusable_text(std::int64_t key) const {
  const auto row = table_.find(key);
  if (row == table_.end()) return false;
  const auto parsed = domain::EmailAddress::parse(row->second.email);
  const auto* problem = std::get_if<domain::AddressProblem>(&parsed);
  return problem != nullptr && *problem != domain::AddressProblem::Empty;
}

bool SimulatedWorld::members_said_no(const std::vector<std::int64_t>& keys) const {
  // An opt-out is the member's, and reaches whatever address they bear, and whoever bears that.
  std::set<std::int64_t> members;
  auto addresses = ever_said_no_;
  for (std::size_t known = 0; known != addresses.size() + members.size();) {
    known = addresses.size() + members.size();
    for (const auto& [address, bearers] : borne_by_) {
      const bool reached = std::any_of(bearers.begin(), bearers.end(),
                                       [&](std::int64_t key) { return members.contains(key); });
      if (reached) addresses.insert(address);
      if (addresses.contains(address)) members.insert(bearers.begin(), bearers.end());
    }
  }
  return std::any_of(keys.begin(), keys.end(), [&](std::int64_t key) { return members.contains(key); });
}

std::string SimulatedWorld::who_waits() const {
  std::string text;
  for (const auto& [address, bearers] : borne_by_) {
    const auto person = life_->store().find(life_->plan().id, domain::EmailAddress::from_normalised(address));
    if (person.row && person.row->lane)
      text += ", " + address + " for " + std::string(domain::name(*person.row->lane));
  }
  return text;
}

std::vector<std::string> SimulatedWorld::verdict() {
  count_missed();
  auto wrong = wrong_;
  const auto complain = [&](const std::string& text) { wrong.push_back(text); };

  // What the table says of each address, by the rule of the lowest key and of every row's yes.
  struct Expected {
    bool subscribed = true;
    std::string name, grade;
    bool first = true;
    std::vector<std::int64_t> keys;
  };
  std::map<std::string, Expected> expected;
  for (const auto& [key, row] : table_) {
    auto parsed = domain::EmailAddress::parse(row.email);
    if (!std::holds_alternative<domain::EmailAddress>(parsed)) continue;
    auto& one = expected[std::get<domain::EmailAddress>(parsed).text()];
    one.keys.push_back(key);
    if (one.first) {
      one.name = row.name;
      one.grade = row.grade;
      one.first = false;
    }
    one.subscribed = one.subscribed && row.subscribed.value_or(false);
  }
  // Whose address became unusable text keeps the last good one, whichever of theirs that was.
  std::set<std::string> kept;
  for (const auto& [address, bearers] : borne_by_) {
    if (std::any_of(bearers.begin(), bearers.end(), [&](std::int64_t key) { return has_unusable_text(key); }))
      kept.insert(address);
  }
  for (const auto& [address, one] : expected) {
    if (kept.contains(address)) continue;
    const auto person = far_end_.model.find(list, address);
    if (!one.subscribed) {
      if (person && person->status == stibee_sim::Status::Subscribed)
        complain(address + " said no but is subscribed");
      continue;
    }
    if (said_no_at_stibee_.contains(address)) continue;  // judged by the journal below
    if (members_said_no(one.keys)) continue;             // under another address of theirs
    // v2 alone has no call that subscribes somebody again: whoever was, or may have been, unsubscribed waits;
    // and so does whom v1 names under `update` for such a call, which proves nothing.
    if (parked_of(address) == "resubscribe_unsupported") continue;
    if (!person || person->status != stibee_sim::Status::Subscribed) {
      complain(address + " is missing");
      continue;
    }
    const auto name = person->fields.find("name");
    if (name == person->fields.end() || name->second != one.name) complain(address + " has another name");
    std::vector<std::uint64_t> groups;
    if (!one.grade.empty()) groups.push_back(static_cast<std::uint64_t>(grades.at(one.grade)));
    if (person->groups != groups) complain(address + " is in other groups");
  }
  far_end_.model.each_person(list, [&](const stibee_sim::Person& person) {
    if (person.status == stibee_sim::Status::Subscribed && !expected.contains(person.address) &&
        !kept.contains(person.address)) {
      complain(person.address + " left but is subscribed");
    }
  });

  for (const auto& limit : far_end_.model.limits()) {
    if (limit.violations > 0)
      complain(std::to_string(limit.violations) + " calls over the limit of " + limit.name);
  }
  if (far_end_.model.totals().same_address_in_flight > 0) complain("two calls at a time for one person");

  if (const auto pending = life_->pending(); pending > 0)
    complain(std::to_string(pending) + " people are pending for ever" + who_waits());
  for (const auto& parked : life_->store().parked(life_->plan().id, 1000)) {
    if (parked.reason != "white_space_or_control" && parked.reason != "no_at_sign" &&
        parked.reason != "duplicate_address" && parked.reason != "resubscribe_unsupported") {
      complain("somebody is parked: " + parked.reason + " " + parked.message);
    }
  }
  return wrong;
}

}  // namespace stibee_sync::simulation

#include "simulation/day/judges.hpp"

#include "stibee_sync/text/time_format.hpp"

#include <algorithm>
#include <cmath>

namespace stibee_sync::day {

void ConsentJudge::opted_out(const std::string& address, domain::UtcTime now) {
  opt_outs_[address] = OptOut{now, std::nullopt, {}, std::nullopt, false};
  ever_.insert(address);
  came_back_.erase(address);
}

void ConsentJudge::came_back(const std::string& address, const Members& members, domain::UtcTime now) {
  opt_outs_.erase(address);
  came_back_.insert(address);
  word_counts(address, bearers(members, address), now);
}

// Rows that share an address share its yes, as they share its no.
void ConsentJudge::word_counts(const std::string& address, const std::vector<std::int64_t>& keys,
                               domain::UtcTime at) {
  yes_of_[address] = std::max(yes_of_[address], at);
  for (const auto key : keys)
    own_yes_[key] = std::max(own_yes_[key], at);
  for (auto& [of, opt_out] : opt_outs_) {
    const bool theirs = of == address ||
                        std::any_of(keys.begin(), keys.end(),
                                    [&members = opt_out.members](auto one) { return members.contains(one); });
    if (theirs && at > opt_out.at) opt_out.lifted = true;
  }
}

std::vector<std::string> ConsentJudge::unknown_in(const std::string& text) const {
  std::vector<std::string> found;
  for (const auto& [address, opt_out] : opt_outs_) {
    if (!opt_out.known && text.find("\"" + address + "\"") != std::string::npos) found.push_back(address);
  }
  return found;
}

void ConsentJudge::known(const std::string& address, const Pictures& pictures, domain::UtcTime now) {
  const auto found = opt_outs_.find(address);
  if (found == opt_outs_.end()) return;
  auto& opt_out = found->second;
  if (!opt_out.known) {
    opt_out.known = now;
    ++known_;
  }
  if (!pictures.latest || !pictures.applied) return;
  // Whose it is: of rows that bore the address in all that was read last. A state of before knows whose it
  // was.
  const auto before = bearers(*pictures.applied, address);
  std::set<std::int64_t> found_now;
  for (const auto key : bearers(*pictures.latest, address)) {
    if (std::find(before.begin(), before.end(), key) != before.end()) found_now.insert(key);
  }
  for (const auto key : found_now) {
    if (!opt_out.owners || opt_out.owners->contains(key)) opt_out.members.insert(key);
  }
  if (!opt_out.owners) opt_out.owners = std::move(found_now);
}

void ConsentJudge::told_of_return(const std::string& address) {
  const auto found = opt_outs_.find(address);
  if (found != opt_outs_.end()) found->second.known.reset();
}

void ConsentJudge::forget_knowledge() {
  for (auto& [address, opt_out] : opt_outs_) {
    opt_out.known.reset();
    opt_out.members.clear();
  }
}

void ConsentJudge::lift(std::int64_t key, const Members& members, domain::UtcTime now) {
  const auto& member = members.at(key);
  const auto consent = has_consents_ ? member.consented_at : std::optional(now);
  if (!consent) return;
  const auto address = usable(member.email);
  auto keys = address ? bearers(members, *address) : std::vector<std::int64_t>{key};
  word_counts(address.value_or(""), keys, *consent);
}

void ConsentJudge::table_changed(const Members& before, const Members& after, bool careless,
                                 domain::UtcTime now) {
  for (const auto& [key, member] : after) {
    const auto was = before.find(key);
    if (was != before.end() && was->second == member) continue;
    const bool yes = member.subscribed.value_or(false);
    const bool said_yes = was != before.end() && was->second.subscribed.value_or(false);
    if (careless) {
      // A statement that leaves word and stamp alone, as that of `updated`, leaves them the member's own.
      if (was == before.end() || was->second.consented_at != member.consented_at || yes != said_yes)
        carelessly_.insert(key);
      continue;
    }
    if (carelessly_.contains(key)) {
      // Their own word comes after it.
      if (was != before.end() && was->second.consented_at == member.consented_at && yes == said_yes) continue;
      carelessly_.erase(key);
    }
    if (has_consents_ || (yes && !said_yes)) lift(key, after, now);
    // A yes goes along to another address, and one that is there already counts for whoever shares it.
    const auto address = usable(member.email);
    if (!yes || !address) continue;
    const auto own = own_yes_.find(key);
    const auto there = opt_outs_.find(*address);
    if (own != own_yes_.end() && there != opt_outs_.end() && own->second > there->second.at)
      there->second.lifted = true;
    const auto shared = yes_of_.find(*address);
    if (shared != yes_of_.end() && bearers(after, *address).size() > 1)
      word_counts(*address, {key}, shared->second);
  }
}

void ConsentJudge::approved() {
  // Which of them it was is not looked at: all of it counts as wanted.
  for (auto& [address, opt_out] : opt_outs_)
    opt_out.lifted = true;
}

bool ConsentJudge::looks_like_ours(const std::string& address) const {
  constexpr std::chrono::minutes apart{5};
  const auto no = opt_outs_.find(address);
  const auto ours = removed_.find(address);
  return no != opt_outs_.end() && ours != removed_.end() && ours->second >= no->second.at &&
         ours->second - no->second.at <= apart;
}

bool ConsentJudge::stays_out(const std::string& address) const {
  const auto found = opt_outs_.find(address);
  return found != opt_outs_.end() && !found->second.lifted;
}

void ConsentJudge::called(const Call& call, const Pictures& pictures, domain::UtcTime now,
                          const Complain& complain) {
  if (call.kind == Call::Kind::Remove) {
    for (const auto& address : call.addresses)
      removed_[address] = now;
  }
  if (call.kind != Call::Kind::Subscribe) return;
  for (const auto& address : call.addresses) {
    ++looked_at_;
    const auto says_no = [&](const Members& members) {
      const auto keys = bearers(members, address);
      return std::any_of(keys.begin(), keys.end(),
                         [&](auto key) { return !members.at(key).subscribed.value_or(false); });
    };
    if (!came_back_.contains(address) && pictures.all_of(says_no))
      complain(call.endpoint + " of " + address + ", whose row says no");
    for (const auto& [of, opt_out] : opt_outs_) {
      if (opt_out.lifted || !opt_out.known || *opt_out.known >= now) continue;
      const auto bears = [&](const Members& members) {
        const auto keys = bearers(members, address);
        return std::any_of(keys.begin(), keys.end(), [&](auto key) { return opt_out.members.contains(key); });
      };
      // Whoever shared the address may have said yes for it since.
      const auto yes = yes_of_.find(address);
      if (of != address && yes != yes_of_.end() && yes->second > opt_out.at) continue;
      if (of == address || (!opt_out.members.empty() && pictures.all_of(bears))) {
        complain(call.endpoint + " of " + address + ", who opted out as " + of + " at " +
                 text::iso_utc(opt_out.at) + ", known since " + text::iso_utc(*opt_out.known));
      }
    }
  }
}

void RemovalJudge::read(const Members& members) {
  std::size_t people = 0;
  std::map<std::string, Word> words;
  for (const auto& [key, member] : members) {
    const auto address = usable(member.email);
    if (!address) continue;
    auto& word = words[*address];
    word.yes = word.yes && member.subscribed.value_or(false);
    word.keys.insert(key);
  }
  for (auto& [address, word] : words) {
    people += word.yes ? 1 : 0;
    // Whose move away is held bears it still, as far as the daemon goes.
    auto& said = said_[address];
    said.yes = word.yes;
    said.keys.insert(word.keys.begin(), word.keys.end());
  }
  most_people_ = std::max(most_people_, people);
}

void RemovalJudge::called(const Call& call, const Pictures& pictures, const Complain& complain) {
  if (call.kind != Call::Kind::Remove) return;
  for (const auto& address : call.addresses) {
    const auto word = said_.find(address);
    if (word == said_.end() || !word->second.yes) continue;
    // A no that comes with another address is an opt-out.
    const auto says_no = [&](std::int64_t key) {
      const auto row = pictures.latest ? pictures.latest->find(key) : Members::const_iterator{};
      return pictures.latest && row != pictures.latest->end() && !row->second.subscribed.value_or(false);
    };
    if (std::any_of(word->second.keys.begin(), word->second.keys.end(), says_no)) continue;
    if (!pictures.all_of([&](const Members& members) { return bearers(members, address).empty(); })) continue;
    if (!removed_.insert(address).second) continue;
    const auto share =
        static_cast<std::size_t>(std::floor(static_cast<double>(most_people_) * percent_ / 100 + 1e-9));
    const auto most = std::max(least_, share) + approved_;
    if (removed_.size() - base_ > most)
      complain(call.endpoint + " of " + address + ": " + std::to_string(removed_.size() - base_) +
               " people are removed, and the guard lets " + std::to_string(most) + " go in a day");
  }
}

}  // namespace stibee_sync::day

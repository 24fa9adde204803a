// What is wrong with a pair of hosts.
#include "simulation/day/pair.hpp"

#include <algorithm>

namespace stibee_sync::day {

using source::LeaderLock;

/// Nobody calls who has not led for a moment, nor a moment after somebody else could have begun.
void Pair::judge_turn(const Call& call, int client) {
  const auto& grants = locks_.grants();
  const auto mine = std::find_if(grants.rbegin(), grants.rend(),
                                 [&](const LockServer::Grant& grant) { return grant.host == client; });
  const auto what = call.endpoint + " by host " + name_of(client);
  if (mine == grants.rend()) {
    complain(what + ", which never led");
    return;
  }
  if (now_ < mine->at + LeaderLock::succession) complain(what + " before the one before has ended");
  if (mine != grants.rbegin() && now_ >= std::prev(mine)->at + LeaderLock::succession)
    complain(what + ", though the other leads");
  for (const auto& [number, flight] : far_end_.in_flight) {
    if (flight.client != client) complain(what + " while a call of the other is out");
  }
}

void Pair::judge_consent(const Call& call, Side& side) {
  // Whoever begins to lead has read the whole list.
  const auto& grants = locks_.grants();
  if (call.kind != Call::Kind::Other && grants.size() > side.grants_seen) {
    side.grants_seen = grants.size();
    side.asked_before = std::exchange(side.asked, {});
    const auto mine = std::find_if(grants.rbegin(), grants.rend(),
                                   [&](const LockServer::Grant& grant) { return grant.host == side.number; });
    for (const auto& [address, at] : opted_out_) {
      if (mine != grants.rend() && at < mine->at && !inherited_.contains(address)) side.knows.insert(address);
    }
  }
  if (call.kind != Call::Kind::Subscribe) return;
  for (const auto& address : call.addresses) {
    ++counts_.judged;
    side.asked.insert(address);
    // A call of before, of whose end this host knows nothing for certain, may be repeated.
    if (quiet_ && !ever_said_no_.contains(address) && !side.asked_before.contains(address))
      complain(call.endpoint + " of " + address + " once more");
    if (opted_out_.contains(address) && side.knows.contains(address))
      complain(call.endpoint + " of " + address + ", who said no at Stibee");
    const auto said_no = [&](const std::shared_ptr<const Members>& read) {
      if (!read) return false;
      const auto keys = bearers(*read, address);
      return !keys.empty() && !*read->at(keys.front()).subscribed;
    };
    if (said_no(side.read) && said_no(side.read_before))
      complain(call.endpoint + " of " + address + ", whose row says no");
  }
}

bool Pair::cannot_return(const std::string& address) {
  auto* side = leader();
  if (side == nullptr) return false;
  const auto person =
      side->life->store().find(side->life->plans().at(0).id, domain::EmailAddress::from_normalised(address));
  return person.row && std::string(name(person.row->parked)) == "resubscribe_unsupported";
}

std::vector<std::string> Pair::differences() {
  std::vector<std::string> found;
  for (const auto& [key, member] : table_.rows()) {
    if (!*member.subscribed && !ever_said_no_.contains(member.email))
      found.push_back(member.email + " never said no, and the table says so");
    const auto there = far_end_.model.find(watched_list, member.email);
    const bool subscribed = there && there->status == stibee_sim::Status::Subscribed;
    const bool wanted = *member.subscribed && !opted_out_.contains(member.email);
    if (subscribed && !wanted && !inherited_.contains(member.email))
      found.push_back(member.email + " said no but is subscribed");
    // Whoever takes the list over knows a no from it, and not always the yes that came after it.
    if (!wanted || (ever_said_no_.contains(member.email) && !all_say_yes_)) continue;
    // Whose new address was not sent yet when their leader was lost may have said no under the one before.
    if (!there && !all_say_yes_ && member.email.find('-') != std::string::npos) {
      ever_said_no_.insert(member.email);
      continue;
    }
    if (!subscribed) {
      // API v2 cannot bring everybody back, and whoever leads says so; the next one finds them unsubscribed.
      if (all_say_yes_ && cannot_return(member.email)) unable_.insert(member.email);
      if (unable_.contains(member.email)) continue;
      found.push_back(member.email + " is missing");
    } else if (there->fields.at("name") != member.name) {
      found.push_back(member.email + " has another name");
    }
  }
  // Whom a state has never heard of, or not any more, is a stranger to it.
  if (lost_a_state_) return found;
  const auto seen_by_all = [this](const std::string& address) {
    return std::all_of(sides_.begin(), sides_.end(),
                       [&](const Side& side) { return side.seen.contains(address); });
  };
  std::set<std::string> there;
  for (const auto& [key, member] : table_.rows())
    there.insert(member.email);
  far_end_.model.each_person(watched_list, [&](const stibee_sim::Person& person) {
    if (person.status == stibee_sim::Status::Subscribed && !there.contains(person.address) &&
        seen_by_all(person.address))
      found.push_back(person.address + " left but is subscribed");
  });
  return found;
}

}  // namespace stibee_sync::day

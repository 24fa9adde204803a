// Call limits over sliding windows, one set of windows per API key.
#pragma once

#include "route.hpp"
#include "stibee_model.hpp"

#include <deque>

namespace stibee_sim {

class SlidingWindow {
 public:
  explicit SlidingWindow(Rate rate) : rate_(rate) {}

  // Counts a call; false when it is one too many for the window that ends now. A refused call keeps its place
  // in the window unless `keep_refused` is false.
  bool admit(SimTime now, bool keep_refused);
  std::uint64_t calls() const { return calls_; }
  std::uint64_t violations() const { return violations_; }
  std::uint64_t peak() const { return peak_; }

 private:
  Rate rate_;
  std::deque<SimTime> times_;
  std::uint64_t calls_ = 0;
  std::uint64_t violations_ = 0;
  std::uint64_t peak_ = 0;
};

class Limits {
 public:
  explicit Limits(const Setup& setup) : rates_{setup.v1, setup.v2_bulk, setup.v2_list, setup.v2_other} {}

  bool admit(const std::string& key, LimitClass which, SimTime now, bool keep_refused);
  std::vector<ClassCount> counts() const;
  Rate rate(LimitClass which) const { return rates_[static_cast<std::size_t>(which)]; }

 private:
  std::array<Rate, 4> rates_;
  std::map<std::string, std::vector<SlidingWindow>> windows_;
};

}  // namespace stibee_sim

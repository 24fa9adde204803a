#pragma once

#include <iostream>
#include <string>
#include <unistd.h>

namespace stibee_sync::app {

/// One line that is written over and over on a terminal, and nothing elsewhere.
class Progress {
 public:
  Progress() : terminal_(::isatty(STDOUT_FILENO) == 1) {}
  void show(const std::string& text) {
    if (!terminal_) return;
    std::cout << "\r\x1b[K" << text << std::flush;
    shown_ = true;
  }
  void end() {
    if (shown_) std::cout << "\r\x1b[K" << std::flush;
    shown_ = false;
  }

 private:
  bool terminal_;
  bool shown_ = false;
};

}  // namespace stibee_sync::app

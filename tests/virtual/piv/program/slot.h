#pragma once

#include <string>
#include <thread>

#include "tests/virtual/piv/vpcd.h"

namespace fob::virt::piv {

struct Options {
  std::uint16_t port = 0;  ///< of vpcd
  std::string control;     ///< path of the control socket
  std::string state;       ///< file in which the card lives on
  bool ejected = false;
  Personality personality;
  virt::TouchPolicy touch{.patience = std::chrono::seconds(15)};
};

/// The card and its reader's slot: inserting starts a thread that serves the reader.
class Slot {
 public:
  explicit Slot(const Options& options);
  ~Slot() { eject(); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  /// Not sooner than a second after eject(). Throws Error{Errc::system} where no reader listens for 10 s.
  void insert();
  void eject();
  /// Whether the reader is still there; false after eject().
  bool inserted() const { return running_; }
  Card& card() { return card_; }
  void set_touch(virt::TouchPolicy policy);

 private:
  void load();
  void save(ByteView state) const;

  const Options& options_;
  Card card_;
  int socket_ = -1;
  std::atomic<bool> running_ = false;
  std::thread thread_;
  Clock::time_point ejected_at_;
};

/// Answers one line of the control socket with one line. Sets `quit` where it asks for the end.
std::string answer_line(const std::string& line, Slot& slot, bool& quit);
/// "auto", "manual" or milliseconds; patience is left as it was. False: none of these.
bool parse_touch(const std::string& text, virt::TouchPolicy& policy);
std::optional<unsigned> parse_number(const std::string& text, unsigned most);

}  // namespace fob::virt::piv

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "agent/desktop/bus.h"
#include "agent/desktop_message.h"

namespace fob::desktop {

/// Notifications at the screen, through whichever server the desktop has (Desktop Notifications Specification 1.2).
class Notifications {
 public:
  explicit Notifications(Bus& bus) : bus_(bus) {}

  void show(Notify order);
  void withdraw(std::uint32_t id);
  /// Also of those that are still on their way.
  void withdraw_all();
  /// Whether an answer of the server is waited for.
  bool is_busy() const { return calls_ > 0; }

 private:
  /// One notification, by the number that the agent gave it.
  struct Shown {
    std::uint32_t server_id = 0;  ///< 0: the server has not answered yet
    bool on_its_way = false;
    bool withdrawn = false;
    std::optional<Notify> next;  ///< what replaces the one on its way
  };

  void ask_for_capabilities();
  void learn_capabilities(sd_bus_message* reply);
  void send(const Notify& order);
  void learn_server_id(std::uint32_t id, sd_bus_message* reply);
  void close(std::uint32_t server_id);

  Bus& bus_;
  bool knows_server_ = false;
  bool takes_body_ = false;
  bool takes_markup_ = false;
  std::vector<Notify> waiting_;  ///< for the server's capabilities
  std::map<std::uint32_t, Shown> shown_;
  int calls_ = 0;
};

}  // namespace fob::desktop

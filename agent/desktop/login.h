#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/desktop/bus.h"
#include "agent/desktop_message.h"

namespace fob::desktop {

/// Word of sleep, screen lock and idleness from logind (org.freedesktop.login1(5)).
///
/// While it lives the machine goes to sleep only after the agent has had word of it and answered: logind waits, 5 s
/// unless configured otherwise. Of sessions it tells where they are any of this user's: the agent may serve all of
/// them, and belong to none.
class Login {
 public:
  Login(Bus& bus, std::function<void(Event)> tell);
  ~Login() { let_sleep(); }
  Login(const Login&) = delete;
  Login& operator=(const Login&) = delete;

  /// What was to be done before sleep is done.
  void let_sleep();

 private:
  void delay_sleep();
  void handle_sleep(sd_bus_message* signal);
  void handle_session(sd_bus_message* signal, Event event);
  void handle_change(sd_bus_message* signal);
  void if_from_login(sd_bus_message* signal, std::function<void()> then);
  void tell_if_own_session(const std::string& session, Event event);

  Bus& bus_;
  std::function<void(Event)> tell_;
  int inhibitor_ = -1;  ///< logind waits for as long as it is open
};

}  // namespace fob::desktop

#include "agent/desktop/login.h"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

namespace fob::desktop {
namespace {

constexpr char service[] = "org.freedesktop.login1";
constexpr char manager_path[] = "/org/freedesktop/login1";
constexpr char manager[] = "org.freedesktop.login1.Manager";
constexpr char session_interface[] = "org.freedesktop.login1.Session";
constexpr char properties[] = "org.freedesktop.DBus.Properties";

std::string rule(const char* interface, const char* member) {
  return std::string("type='signal',sender='") + service + "',interface='" + interface + "',member='" + member + "'";
}

/// What a desktop says of its session, as far as that has changed.
struct Hints {
  std::optional<bool> locked;
  std::optional<bool> idle;
};

/// The hints among the changed properties of a session.
Hints read_hints(sd_bus_message* signal) {
  Hints out;
  if (sd_bus_message_skip(signal, "s") < 0 || sd_bus_message_enter_container(signal, 'a', "{sv}") < 0) return out;
  while (sd_bus_message_enter_container(signal, 'e', "sv") > 0) {
    const char* name = nullptr;
    if (sd_bus_message_read(signal, "s", &name) <= 0) return out;
    const std::string_view property = name;
    if (property == "LockedHint" || property == "IdleHint") {
      int value = 0;
      if (sd_bus_message_read(signal, "v", "b", &value) <= 0) return out;
      (property == "IdleHint" ? out.idle : out.locked) = value != 0;
    } else if (sd_bus_message_skip(signal, "v") < 0) {
      return out;
    }
    if (sd_bus_message_exit_container(signal) < 0) return out;
  }
  return out;
}

}  // namespace

Login::Login(Bus& bus, std::function<void(Event)> tell) : bus_(bus), tell_(std::move(tell)) {
  bus_.subscribe(rule(manager, "PrepareForSleep"), [this](sd_bus_message* signal) { handle_sleep(signal); });
  bus_.subscribe(rule(session_interface, "Lock"),
                 [this](sd_bus_message* signal) { handle_session(signal, Event::lock); });
  bus_.subscribe(rule(session_interface, "Unlock"),
                 [this](sd_bus_message* signal) { handle_session(signal, Event::unlock); });
  // A desktop whose user locks the screen, or leaves it, says so by properties only.
  bus_.subscribe(rule(properties, "PropertiesChanged") + ",arg0='" + session_interface + "'",
                 [this](sd_bus_message* signal) { handle_change(signal); });
  delay_sleep();
}

void Login::delay_sleep() {
  const Message call = bus_.new_call(service, manager_path, manager, "Inhibit");
  checked(sd_bus_message_append(call.get(), "ssss", "sleep", "fob", "Keys are locked first", "delay"), "D-Bus message");
  bus_.call(call, [this](sd_bus_message* reply) {
    int descriptor = -1;
    if (reply == nullptr || sd_bus_message_read(reply, "h", &descriptor) <= 0) return;
    let_sleep();
    inhibitor_ = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  });
}

void Login::let_sleep() {
  if (inhibitor_ >= 0) close(inhibitor_);
  inhibitor_ = -1;
}

/// Anybody may send us signals; these count from logind only.
void Login::if_from_login(sd_bus_message* signal, std::function<void()> then) {
  const char* sender = sd_bus_message_get_sender(signal);
  if (sender == nullptr) return;
  const Message call =
      bus_.new_call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner");
  checked(sd_bus_message_append(call.get(), "s", service), "D-Bus message");
  bus_.call(call, [from = std::string(sender), act = std::move(then)](sd_bus_message* reply) {
    const char* owner = nullptr;
    if (reply != nullptr && sd_bus_message_read(reply, "s", &owner) > 0 && from == owner) act();
  });
}

void Login::handle_sleep(sd_bus_message* signal) {
  int begins = 0;
  if (sd_bus_message_read(signal, "b", &begins) <= 0) return;
  if_from_login(signal, [this, begins] {
    tell_(begins != 0 ? Event::sleep : Event::resume);
    if (begins == 0) delay_sleep();
  });
}

void Login::handle_session(sd_bus_message* signal, Event event) {
  if_from_login(signal, [this, event, session = std::string(sd_bus_message_get_path(signal))] {
    tell_if_own_session(session, event);
  });
}

void Login::handle_change(sd_bus_message* signal) {
  const Hints hints = read_hints(signal);
  if (hints.idle.value_or(false)) handle_session(signal, Event::idle);
  if (hints.locked) handle_session(signal, *hints.locked ? Event::lock : Event::unlock);
}

void Login::tell_if_own_session(const std::string& session, Event event) {
  const Message call = bus_.new_call(service, session.c_str(), properties, "Get");
  checked(sd_bus_message_append(call.get(), "ss", session_interface, "User"), "D-Bus message");
  bus_.call(call, [this, event](sd_bus_message* reply) {
    std::uint32_t uid = 0;
    const char* path = nullptr;
    if (reply == nullptr || sd_bus_message_read(reply, "v", "(uo)", &uid, &path) <= 0) return;
    if (uid == getuid()) tell_(event);
  });
}

}  // namespace fob::desktop
